import type { TestCommand } from '../helpers/market.ts'

/**
 * Orders of every type without end, close together, so that they meet. What has to be in one call
 * (the orders of a list) is one unit. The same random numbers give the same flow.
 */
export function createTypesFlow(
  random: () => number,
  traders: readonly string[],
): (count: number) => TestCommand[][] {
  const placed: { client_id: string; client_order_id: string }[] = []
  let lists = 0
  const pick = <Item>(items: readonly [Item, ...Item[]]) =>
    items[Math.floor(random() * items.length)] ?? items[0]
  const chance = (share: number) => random() < share
  const price = () => String(90 + Math.floor(random() * 41) / 2)
  const quantity = () => String((1 + Math.floor(random() * 30)) / 10)

  function named(client_id: string): TestCommand {
    const name = { client_id, client_order_id: `o${placed.length}` }
    placed.push(name)
    return name
  }

  function place(): TestCommand {
    const client_id = traders[Math.floor(random() * traders.length)] ?? ''
    const stp = pick([
      undefined,
      'NONE',
      'CANCEL_TAKER',
      'CANCEL_MAKER',
      'CANCEL_BOTH',
      'DECREMENT',
    ])
    const plain = { op: 'PLACE', type: 'LIMIT', time_in_force: 'GTC', price: null }
    const side = pick(['BUY', 'SELL'])
    const terms = pickTerms({ random, pick, price, chance })
    return { ...plain, ...named(client_id), side, quantity: quantity(), stp, ...terms }
  }

  /** An OCO, or an entry with one or two exits. */
  function list(): TestCommand[] {
    const client_id = traders[Math.floor(random() * traders.length)] ?? ''
    const [side, other, away] = chance(0.5) ? ['SELL', 'BUY', 1] : ['BUY', 'SELL', -1]
    const shared = { op: 'PLACE', quantity: quantity(), list_no: ++lists, time_in_force: 'GTC' }
    const limit = { type: 'LIMIT', side, price: String(100 + 5 * Number(away)) }
    const level = String(100 - 5 * Number(away))
    const stop = { type: 'STOP', side, price: null, stop_price: level, time_in_force: 'IOC' }
    const legs = (list_role: string) =>
      [limit, stop].map(leg => ({ ...shared, ...leg, list_role, ...named(client_id) }))
    if (chance(0.4)) return legs('OCO')
    const entry = { ...shared, ...named(client_id), type: 'LIMIT', side: other, price: price() }
    const exits = legs('EXIT').slice(0, chance(0.7) ? 2 : 1)
    return [{ ...entry, list_role: 'ENTRY', list_is_partial: chance(0.5) }, ...exits]
  }

  function change(): TestCommand {
    const name = placed[placed.length - 1 - Math.floor(random() * Math.min(60, placed.length))]
    if (name === undefined) return place()
    if (chance(0.5)) return { op: 'CANCEL', ...name }
    return {
      op: 'AMEND',
      ...name,
      ...(chance(0.5) ? { price: price() } : { quantity: quantity() }),
    }
  }

  const unit = () => (chance(0.12) ? list() : chance(0.8) ? [place()] : [change()])
  return count => Array.from({ length: count }, unit)
}

interface Dice {
  random: () => number
  pick: <Item>(items: readonly [Item, ...Item[]]) => Item
  price: () => string
  chance: (share: number) => boolean
}

/** What an order says besides, by type. */
function pickTerms({ random, pick, price, chance }: Dice): TestCommand {
  const instantly = { time_in_force: pick(['IOC', 'FOK']) }
  const market = { type: 'MARKET', ...instantly }
  const isLimit = chance(0.5)
  const expire_at = new Date(Date.UTC(2026, 2, 2, 12, 0, Math.floor(random() * 100))).toISOString()
  return pick<() => TestCommand>([
    () => ({ price: price() }),
    () => ({ price: price() }),
    () => ({ price: price() }),
    () => ({ price: price(), quantity: '2', display_quantity: pick(['0.1', '0.7']) }),
    () => ({ price: price(), post_only: true, slide: chance(0.5) }),
    () => ({ price: price(), ...instantly }),
    () => market,
    () => ({ ...market, quantity: null, quote_quantity: String(50 + Math.floor(random() * 300)) }),
    () => ({ price: price(), time_in_force: 'GTD', expire_at }),
    () => ({
      type: `${pick(['STOP', 'TAKE_PROFIT'])}${isLimit ? '_LIMIT' : ''}`,
      stop_price: price(),
      price: isLimit ? price() : null,
      trigger_immediately: chance(0.3),
      time_in_force: isLimit ? pick(['GTC', 'IOC', 'FOK']) : 'IOC',
    }),
    () => ({
      type: 'TRAILING_STOP',
      ...(chance(0.5)
        ? { trailing_offset: pick(['1', '2.5', '4']) }
        : { trailing_bips: pick([100, 333, 500]) }),
      ...(chance(0.4) ? { activation_price: price() } : {}),
      ...(chance(0.3) ? { limit_offset: '1' } : { time_in_force: 'IOC' }),
    }),
  ])()
}
