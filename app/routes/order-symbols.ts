import type { Calls } from '../calls.ts'
import { Problem } from '../errors.ts'

/** Order ids are symbol_id x 10^12 + a number: matching.execute_batch gives them out so. */
const idsPerSymbol = 1_000_000_000_000n

/**
 * Which symbol an order belongs to: a cancel names only the order, but goes through the queue of
 * its symbol. Symbols are never renamed, so what was read once stays true.
 */
export function createOrderSymbols(calls: Pick<Calls, 'readPositions'>) {
  let names: ReadonlyMap<number, string> = new Map()

  async function readNames(): Promise<ReadonlyMap<number, string>> {
    const rows = await calls.readPositions()
    return new Map(rows.map(({ symbol_id, symbol }) => [symbol_id, symbol ?? '']))
  }

  return async (orderId: string): Promise<string> => {
    const symbolId = Number(BigInt(orderId) / idsPerSymbol)
    if (!names.get(symbolId)) names = await readNames()
    const symbol = names.get(symbolId)
    if (symbol) return symbol
    throw new Problem(404, 'UNKNOWN_ORDER', 'there is no such order', { field: 'order_id' })
  }
}
