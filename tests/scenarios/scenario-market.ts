import type { TestDatabase } from '../helpers/database.ts'
import type { PrintedLevel } from '../replay/book-mirror.ts'
import type { ScenarioCommand, ScenarioTrade, Side } from './scenario.ts'

/** A fresh symbol with a buyer and a seller who never run out of money. */
export interface ScenarioMarket {
  /** Executes the commands as one batch. */
  execute(commands: readonly ScenarioCommand[]): Promise<CommandOutcome[]>
  trades(): Promise<ScenarioTrade[]>
  orders(): Promise<Map<string, OrderState>>
  book(): Promise<Record<Side, RestingOrder[]>>
  /** All that the market wrote, with the names that differ from market to market taken out. */
  dump(): Promise<Record<string, unknown[]>>
}

export interface CommandOutcome {
  error_state: string | null
  error_code: string | null
  status: string | null
  seq: string | null
  fills: unknown
}

export interface OrderState {
  status: string
  remaining_quantity: string
  cancelled_quantity: string
}

export interface RestingOrder {
  id: string
  price: string
  quantity: string
}

/** When all of it happens. */
export const scenarioTime = '2026-01-05T10:00:00Z'
const funds = '1000000000000000000'

export async function createScenarioMarket(
  { query }: TestDatabase,
  no: number,
): Promise<ScenarioMarket> {
  const symbol = `S${no}-USD`
  const clients: Record<Side, string> = { BUY: `buyer-${no}`, SELL: `seller-${no}` }
  const [created] = await query<{ symbol_id: number }>(
    `select s.symbol_id from ops.create_symbol($1, 0.00000001, 1, $2, p_now => $3) as s`,
    [
      symbol,
      { maker_rate: 0, taker_rate: 0, protection_rate: 0.99, protection_ticks: 2e9 },
      scenarioTime,
    ],
  )
  const symbolId = created?.symbol_id ?? 0
  for (const [side, asset] of [
    ['BUY', 'USD'],
    ['SELL', `S${no}`],
  ] as const) {
    await query('select api.create_participant(1, $1, null, $2)', [clients[side], scenarioTime])
    await query(`select api.deposit(1, $1, $2, $3, 'funds', $4)`, [
      clients[side],
      asset,
      funds,
      scenarioTime,
    ])
  }
  return {
    execute(commands) {
      const bodies = commands.map(({ owner, ...body }) => ({ ...body, client_id: clients[owner] }))
      return query<CommandOutcome & Record<string, unknown>>(
        `select a.error_state, a.error_code, a.status, a.seq, a.fills
         from api.execute_commands(1, $1, $2, $3, false) as a order by a.command_no`,
        [symbol, scenarioTime, JSON.stringify(bodies)],
      )
    },
    ...reads(query, symbolId),
  }
}

/** Adds up the resting orders of a side by price, best first. */
export function levelsOf(orders: readonly RestingOrder[]): PrintedLevel[] {
  const levels: { price: string; quantity: bigint; orders: number }[] = []
  for (const { price, quantity } of orders) {
    const last = levels.at(-1)
    if (last?.price === price) {
      last.quantity += BigInt(quantity)
      last.orders += 1
    } else {
      levels.push({ price, quantity: BigInt(quantity), orders: 1 })
    }
  }
  return levels.map(({ price, quantity, orders }) => [price, String(quantity), orders])
}

type Reads = Omit<ScenarioMarket, 'execute'>

function reads(query: TestDatabase['query'], symbolId: number): Reads {
  return {
    trades: () =>
      query<ScenarioTrade>(
        `select m.client_order_id as maker, k.client_order_id as taker,
           trim_scale(t.price) as price, trim_scale(t.quantity) as qty
         from matching.trades as t
         join matching.orders as m on m.order_id = t.maker_order_id
         join matching.orders as k on k.order_id = t.taker_order_id
         where t.segment_id = 1 and t.symbol_id = $1
         order by t.seq`,
        [symbolId],
      ),
    async orders() {
      const rows = await query<OrderState & { client_order_id: string }>(
        `select o.client_order_id, o.status, trim_scale(o.remaining_quantity) as remaining_quantity,
           trim_scale(o.cancelled_quantity) as cancelled_quantity
         from matching.orders as o
         where o.segment_id = 1 and o.symbol_id = $1`,
        [symbolId],
      )
      return new Map(rows.map(({ client_order_id, ...state }) => [client_order_id, state]))
    },
    async book() {
      const rows = await query<RestingOrder & { side: Side }>(
        `select b.side, o.client_order_id as id, trim_scale(abs(b.sort_price)) as price,
           trim_scale(b.remaining_quantity) as quantity
         from matching.book as b
         join matching.orders as o on o.order_id = b.order_id
         where b.segment_id = 1 and b.symbol_id = $1
         order by b.sort_price, b.priority_no`,
        [symbolId],
      )
      const of = (side: Side) => rows.filter(row => row.side === side)
      return { BUY: of('BUY'), SELL: of('SELL') }
    },
    async dump() {
      const dumped: Record<string, unknown[]> = {}
      for (const [name, text] of Object.entries(dumps)) {
        const rows = await query<{ fact: unknown }>(text, [symbolId])
        dumped[name] = rows.map(row => row.fact)
      }
      return dumped
    },
  }
}

/** Order ids begin with the symbol's: without it, they and the sequences are alike everywhere. */
const dumps = {
  events: `
    select to_jsonb(e) - '{symbol_id,order_id,maker_order_id,participant_id,maker_id}'::text[]
      || jsonb_build_array(e.order_id % 1000000000000, e.maker_order_id % 1000000000000) as fact
    from matching.events as e where e.segment_id = 1 and e.symbol_id = $1 order by e.seq`,
  orders: `
    select to_jsonb(o) - '{symbol_id,order_id,participant_id}'::text[]
      || jsonb_build_array(o.order_id % 1000000000000) as fact
    from matching.orders as o where o.segment_id = 1 and o.symbol_id = $1 order by o.order_id`,
  trades: `
    select to_jsonb(t)
        - '{symbol_id,trade_id,maker_order_id,taker_order_id,maker_id,taker_id}'::text[]
      || jsonb_build_array(t.maker_order_id % 1000000000000, t.taker_order_id % 1000000000000)
      as fact
    from matching.trades as t where t.segment_id = 1 and t.symbol_id = $1 order by t.seq`,
  book: `
    select to_jsonb(b) - '{symbol_id,order_id,participant_id}'::text[]
      || jsonb_build_array(b.order_id % 1000000000000) as fact
    from matching.book as b where b.segment_id = 1 and b.symbol_id = $1
    order by b.side, b.sort_price, b.priority_no`,
  instructions: `
    select jsonb_build_array(i.quantity, i.notional, i.buyer_fee, i.seller_fee) as fact
    from settlement.pending_instructions as i where i.segment_id = 1 and i.symbol_id = $1
    order by i.instruction_id`,
  accounts: `
    select jsonb_build_array(a.posted, a.held, a.unsettled_in, a.unsettled_out) as fact
    from reference.symbols as s
    join reference.participants as p
      on p.client_id in ('buyer-' || substr(split_part(s.symbol, '-', 1), 2),
        'seller-' || substr(split_part(s.symbol, '-', 1), 2))
    join ledger.accounts as a
      on a.segment_id = 1 and a.participant_id = p.participant_id
      and a.asset_id in (s.base_asset_id, s.quote_asset_id)
    where s.symbol_id = $1
    order by p.client_id, a.asset_id = s.base_asset_id`,
}
