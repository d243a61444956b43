import type pg from 'pg'
import type { PlaceCommand } from '../../app/commands.ts'

/** A test database, or a role's or a session's own way to ask one. */
export interface Queryable {
  query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
}

/** The time of a market whose test does not say another. */
export const noon = '2026-03-02T12:00:00Z'

/** What a symbol of a test is like where the test does not say: round figures. */
export const plainSymbol = { tick: '0.01', lot: '0.001', maker_rate: '0.001', taker_rate: '0.002' }

export interface MarketPlan {
  /** By name; the options are those of create_symbol(). */
  symbols?: Record<string, { tick?: string; lot?: string; [option: string]: string | undefined }>
  /** Who trades, with what of each asset. */
  traders?: Record<string, Record<string, string>>
  now?: string
}

/** Symbols, traders and their money, with the partitions of the market's time. */
export async function createMarket(db: Queryable, plan: MarketPlan): Promise<void> {
  const { symbols = { 'BTC-USD': {} }, traders = {}, now = noon } = plan
  await db.query('select ops.maintain_partitions($1)', [now])
  for (const [name, options] of Object.entries(symbols)) {
    const { tick, lot, ...rest } = { ...plainSymbol, ...options }
    const values = [name, tick, lot, JSON.stringify(rest), now]
    await db.query('select matching.create_symbol(1, $1, $2, $3, $4, $5)', values)
  }
  const names = Object.keys(traders)
  const participants = 'select api.create_participant(1, n, n, $2) from unnest($1::text[]) as n'
  if (names.length > 0) await db.query(participants, [names, now])
  const funds = names.flatMap(trader =>
    Object.entries(traders[trader] ?? {}).map(([asset, amount]) => ({
      ...{ trader, asset, amount },
      key: `fund-${asset}-${fundings++}`,
    })),
  )
  const deposits = `select api.deposit(1, f.trader, f.asset, f.amount, f.key, $2)
    from json_to_recordset($1) as f (trader text, asset text, amount numeric, key text)`
  if (funds.length > 0) await db.query(deposits, [JSON.stringify(funds), now])
}

/** A deposit with a key of its own. */
export async function fund(
  db: Queryable,
  trader: string,
  asset: string,
  amount: string,
  now: string = noon,
): Promise<void> {
  const key = `fund-${asset}-${fundings++}`
  await db.query('select api.deposit(1, $1, $2, $3, $4, $5)', [trader, asset, amount, key, now])
}
let fundings = 0

type Placed = Pick<PlaceCommand, 'client_id' | 'side' | 'quantity'> & Partial<PlaceCommand>
type Named = {
  op: 'CANCEL' | 'AMEND'
  order_id?: string
  client_id?: string
  client_order_id?: string
  price?: string
  quantity?: string
}
export type TestCommand = Record<string, string | number | boolean | null | undefined>

/** A command as api.execute_commands takes it: an order is LIMIT and GTC where it does not say. */
export function command(fields: Placed | Named): TestCommand {
  if (fields.op !== undefined && fields.op !== 'PLACE') return { ...fields }
  const type = fields.type ?? 'LIMIT'
  const time_in_force = type === 'MARKET' ? 'IOC' : 'GTC'
  return { op: 'PLACE', type, time_in_force, price: null, ...fields }
}

export const buy = (client_id: string, quantity: string, price: string, more = {}) =>
  command({ client_id, side: 'BUY', quantity, price, ...more })
export const sell = (client_id: string, quantity: string, price: string, more = {}) =>
  command({ client_id, side: 'SELL', quantity, price, ...more })

/** The answer to one command: a row of api.execute_commands. */
export interface Answer {
  error_state: string | null
  error_code: string | null
  order_id: string
  status: string
  end_reason: string | null
  reject_code: string | null
  price: string | null
  quantity: string
  filled_quantity: string
  remaining_quantity: string
  average_price: string | null
  fee: string
  seq: string
  fills: { trade_id: string; price: string; quantity: string; fee: string; liquidity: string }[]
}

/** Executes commands of one symbol in one transaction and returns their answers, in order. */
export function execute(
  db: Queryable,
  symbol: string,
  commands: TestCommand[],
  { now = noon, atomic = false }: { now?: string; atomic?: boolean } = {},
): Promise<Answer[]> {
  const values = [symbol, now, JSON.stringify(commands), atomic]
  return db.query<Answer & pg.QueryResultRow>(
    'select * from api.execute_commands(1, $1, $2, $3, $4)',
    values,
  )
}

/** One pass of a settlement worker. */
export async function settle(
  db: Queryable,
  { now = noon, limit = 1000, after = 0 }: { now?: string; limit?: number; after?: number } = {},
): Promise<{ claimed: number; settled: number; put_aside: number; last_symbol_id: number }> {
  const text = 'select * from settlement.settle_batch(1, $1, $2, $3)'
  const [pass] = await db.query(text, [now, limit, after])
  return { claimed: 0, settled: 0, put_aside: 0, last_symbol_id: 0, ...pass }
}

/** What audit() finds wrong; nothing, if all is well. */
export const audit = (db: Queryable) =>
  db.query<{ check_name: string; key: string; kept: string | null; derived: string | null }>(
    'select * from ops.audit()',
  )

/** A trader's balances: `available held unsettled_in unsettled_out` by asset. */
export async function balances(db: Queryable, trader: string): Promise<Record<string, string>> {
  const rows = await db.query('select * from api.balances(1, $1)', [trader])
  return Object.fromEntries(
    rows.map(r => [r.asset, `${r.available} ${r.held} ${r.unsettled_in} ${r.unsettled_out}`]),
  )
}
