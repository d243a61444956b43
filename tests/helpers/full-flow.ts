import { buy, sell, type TestCommand } from './market.ts'
import { createFlow, type FlowPlan } from './random-flow.ts'

type Side = 'BUY' | 'SELL'

/**
 * Batches of orders of every type, without end: plain ones as of createFlow, and among them stop
 * orders, trailing ones, icebergs, post-only ones, linked ones, ones that expire or wait for the
 * matcher, with every mode of self-trade prevention. Takes the time of each batch.
 */
export function createFullFlow(plan: FlowPlan): (count: number, now: Date) => TestCommand[] {
  const { random, traders, middle, tickDecimals = 2, lotDecimals = 3 } = plan
  const plain = createFlow(plan)
  const pick = <Item>(items: readonly [Item, ...Item[]]): Item =>
    items[Math.floor(random() * items.length)] ?? items[0]
  const price = (offset = Math.floor(random() * 41) - 20) =>
    (middle + offset * 10 ** -tickDecimals).toFixed(tickDecimals)
  const quantity = () => ((1 + Math.floor(random() * 20)) * 10 ** -lotDecimals).toFixed(lotDecimals)
  const order = (more: object, side = pick<Side>(['BUY', 'SELL'])): TestCommand => {
    const make = side === 'BUY' ? buy : sell
    const client = traders[Math.floor(random() * traders.length)] ?? ''
    return make(client, quantity(), price(), more)
  }
  let lists = 0

  const exits = (side: Side, list: object): TestCommand[] => {
    const sign = side === 'SELL' ? 1 : -1
    const stop = { type: 'STOP_LIMIT', stop_price: price(-sign * 8), price: price(-sign * 12) }
    return [order({ price: price(sign * 12), ...list }, side), order({ ...stop, ...list }, side)]
  }
  const linked = (): TestCommand[] => {
    const list_no = ++lists
    const side = pick<Side>(['BUY', 'SELL'])
    const owner = order({}, side)
    const { client_id, quantity } = owner
    const mine = (orders: TestCommand[]) => orders.map(one => ({ ...one, client_id, quantity }))
    if (random() < 0.5) return mine(exits(side, { list_no, list_role: 'OCO' }))
    const entry = { ...owner, list_no, list_role: 'ENTRY', list_is_partial: random() < 0.3 }
    return [entry, ...mine(exits(side === 'BUY' ? 'SELL' : 'BUY', { list_no, list_role: 'EXIT' }))]
  }
  const trailing = () => ({
    type: 'TRAILING_STOP',
    price: null,
    ...pick<object>([{ trailing_offset: price(8 - middle * 100) }, { trailing_bips: 25 }]),
    ...pick<object>([{}, {}, { activation_price: price() }, { limit_offset: '0.02' }]),
  })
  const special = (now: Date): TestCommand[] => {
    const stop_price = price()
    const trigger_immediately = random() < 0.3
    const stp = pick(['NONE', 'CANCEL_TAKER', 'CANCEL_MAKER', 'CANCEL_BOTH', 'DECREMENT'])
    const expire_at = new Date(now.getTime() + pick([1000, 3000, 20_000])).toISOString()
    const shapes: [() => TestCommand[], ...(() => TestCommand[])[]] = [
      () => [order({ type: 'STOP', price: null, time_in_force: 'IOC', stop_price })],
      () => [order({ type: 'STOP_LIMIT', stop_price, trigger_immediately })],
      () => [order({ type: 'TAKE_PROFIT', price: null, time_in_force: 'IOC', stop_price })],
      () => [order({ type: 'TAKE_PROFIT_LIMIT', stop_price, trigger_immediately })],
      () => [order({ ...trailing(), time_in_force: 'GTC' })],
      () => [order({ type: 'STOP_LIMIT', stop_price, trigger_source: 'MARK' })],
      () => [order({ display_quantity: (10 ** -lotDecimals).toFixed(lotDecimals) })],
      () => [order({ post_only: true, slide: random() < 0.5 })],
      () => [order({ time_in_force: 'GTD', expire_at })],
      () => [order({ stp })],
      () => [{ ...order({ type: 'MARKET', time_in_force: 'IOC', price: null }), ...quoteSize() }],
      linked,
    ]
    return pick(shapes)()
  }
  const quoteSize = () => ({ quantity: null, quote_quantity: '0.75' })

  return (count, now) => {
    if (random() < 0.1) return [order({ is_async: true }), order({ is_async: true })]
    const commands: TestCommand[] = []
    while (commands.length < count) {
      commands.push(...(random() < 0.4 ? special(now) : plain(1)))
    }
    return commands
  }
}
