import type pg from 'pg'
import { audit, createMarket, type Queryable } from '../helpers/market.ts'
import { printUnits } from '../replay/decimals.ts'
import type { Phase, PhaseEnd, Rules, Side, Status } from './market.ts'
import type { Columns, Picture } from './pictures.ts'
import {
  clientId,
  fundsOf,
  type Play,
  people,
  startMs,
  symbolPlans,
  wealthInLots,
} from './plays.ts'
import { type AnswerRow, type NameOf, pictureOfRows, readAnswers, type Tables } from './sql-rows.ts'

/**
 * The matcher of the database, one sequence after the other: each is one transaction that is rolled
 * back at its end, so that the next one finds the market as it was.
 */
export interface SqlMarket {
  readonly columns: Columns
  begin(play: Play): Promise<void>
  execute(commands: readonly object[], nowMs: number, isAtomic: boolean): Promise<AnswerRow[]>
  /** What a worker does that finds the symbol due. */
  sweep(nowMs: number): Promise<void>
  /** The ids of the orders that were cancelled. */
  cancelAll(client: string, side: Side | null, nowMs: number): Promise<string[]>
  setFees(client: string, makerRate: string, takerRate: string, nowMs: number): Promise<void>
  moveToStatus(status: Status, nowMs: number, callMs: number | null): Promise<void>
  moveToPhase(phase: Phase, nowMs: number, end: PhaseEnd | null): Promise<void>
  picture(nameOf: NameOf): Promise<Picture>
  /** What ops.audit() finds wrong. */
  audit(): Promise<string[]>
  rollBack(): Promise<void>
}

/** How many sequences a table takes before what they left behind is cleared away. */
const vacuumAfter = 200

/** Symbols and traders of every wealth, and a session that plays. */
export async function openSqlMarket(client: pg.Client): Promise<SqlMarket> {
  const db: Queryable = { query: async (text, values) => (await client.query(text, values)).rows }
  await createPlayMarket(db)
  const known = await readColumns(db)
  const columns = { prevented: known.has('orders.prevented_quantity') }
  const symbolIds = await readSymbolIds(db)
  let symbol = { name: '', id: 0 }
  let sequences = 0
  return {
    columns,
    async begin(play) {
      if (++sequences % vacuumAfter === 0) await vacuum(db)
      symbol = { name: play.symbol.name, id: symbolIds.get(play.symbol.name) ?? 0 }
      await db.query('begin')
      await setRules(db, symbol.id, play.rules, known)
      await setGroups(db, play.traders)
    },
    async execute(commands, nowMs, isAtomic) {
      const values = [symbol.name, isoTime(nowMs), JSON.stringify(commands), isAtomic]
      const text = 'select * from api.execute_commands(1, $1, $2, $3, $4)'
      return readAnswers(await db.query(text, values))
    },
    async sweep(nowMs) {
      await db.query('select matching.sweep_symbol(1, $1, $2)', [symbol.id, isoTime(nowMs)])
    },
    async cancelAll(name, side, nowMs) {
      const text = 'select c.id from api.cancel_orders(1, $1, $2, $3, $4) as c (id)'
      const values = [name, symbol.name, side, isoTime(nowMs)]
      return (await db.query<{ id: string }>(text, values)).map(({ id }) => id)
    },
    async setFees(client, makerRate, takerRate, nowMs) {
      const text = 'select ops.set_fees($1, $2, $3, $4, p_now => $5)'
      await db.query(text, [makerRate, takerRate, symbol.name, client, isoTime(nowMs)])
    },
    async moveToStatus(status, nowMs, callMs) {
      const [call, why] = statusCalls[status]
      const more = status === 'ACTIVE' && callMs !== null ? interval(callMs) : why
      await db.query(`select ops.${call}($1, $2, 1, $3)`, [symbol.name, more, isoTime(nowMs)])
    },
    async moveToPhase(phase, nowMs, end) {
      const text = 'select ops.set_phase($1, $2, $3::timestamptz - $4::timestamptz, $5, 1, $4)'
      const endAt = end && isoTime(end.atMs)
      await db.query(text, [symbol.name, phase, endAt, isoTime(nowMs), end?.next])
    },
    async picture(nameOf) {
      return pictureOfRows(await readTables(client, symbol.id, known), nameOf, columns)
    },
    audit: async () => (await audit(db)).map(row => JSON.stringify(row)),
    async rollBack() {
      await db.query('rollback')
    },
  }
}

/** What an operator calls for each status, and with what behind the symbol. */
const statusCalls: Record<Status, [call: string, why: string | null]> = {
  ACTIVE: ['resume_symbol', null],
  HALTED: ['halt_symbol', 'a test'],
  MAINTENANCE: ['restrict_symbol', 'a test'],
  DELISTED: ['delist_symbol', 'a test'],
}

async function createPlayMarket(db: Queryable): Promise<void> {
  const symbols = symbolPlans.map(({ name, tick, lot, quoteDecimals }) => [
    name,
    { tick, lot, quote_decimals: String(quoteDecimals), maker_rate: '0', taker_rate: '0' },
  ])
  const traders = people.flatMap(person =>
    wealthInLots.map((_, wealth) => [clientId(person, wealth), fundsOfAll(wealth)]),
  )
  await createMarket(db, {
    symbols: Object.fromEntries(symbols),
    traders: Object.fromEntries(traders),
    now: isoTime(startMs),
  })
}

/** What a trader has, of every asset. */
function fundsOfAll(wealth: number): Record<string, string> {
  const funds = symbolPlans.flatMap(plan => {
    const { base, quote } = fundsOf(plan, wealth)
    const [baseAsset, quoteAsset] = plan.name.split('-')
    return [
      [baseAsset, printUnits(base)],
      [quoteAsset, printUnits(quote)],
    ]
  })
  return Object.fromEntries(funds)
}

/** The columns there are by now, as `table.column`. */
async function readColumns(db: Queryable): Promise<ReadonlySet<string>> {
  const rows = await db.query<{ name: string }>(
    `select c.table_name || '.' || c.column_name as name from information_schema.columns as c
     where c.table_schema in ('reference', 'matching')`,
  )
  return new Set(rows.map(({ name }) => name))
}

async function readSymbolIds(db: Queryable): Promise<ReadonlyMap<string, number>> {
  const rows = await db.query<{ symbol: string; symbol_id: number }>(
    'select s.symbol, s.symbol_id from reference.symbols as s',
  )
  return new Map(rows.map(({ symbol, symbol_id }) => [symbol, symbol_id]))
}

/** The terms of this sequence, as far as the database knows them. */
async function setRules(
  db: Queryable,
  symbolId: number,
  rules: Rules,
  known: ReadonlySet<string>,
): Promise<void> {
  const amount = (units: bigint | null) => (units === null ? null : printUnits(units))
  const terms = Object.entries({
    min_quantity: amount(rules.minQuantity),
    max_quantity: amount(rules.maxQuantity),
    min_notional: amount(rules.minNotional),
    max_notional: amount(rules.maxNotional),
    protection_rate: amount(rules.protectionRate),
    protection_ticks: rules.protectionTicks,
    protection_rests: rules.protectionRests,
    maker_rate: amount(rules.makerRate),
    taker_rate: amount(rules.takerRate),
    default_stp: rules.defaultStp,
    collar_rate: amount(rules.collarRate),
    max_iceberg_parts: rules.maxIcebergParts,
    min_trailing_bips: rules.minTrailingBips,
    max_trailing_bips: rules.maxTrailingBips,
    band_rate: amount(rules.bandRate),
    band_action: rules.bandAction,
    accept_when_closed: rules.acceptWhenClosed,
    auction_extension_rate: amount(rules.extensionRate),
    auction_extension_time: interval(rules.extensionMs),
    auction_max_extensions: rules.maxExtensions,
    cancel_lock_time: interval(rules.cancelLockMs),
    band_auction_time: interval(rules.bandAuctionMs),
  }).filter(([name]) => known.has(`symbols.${name}`))
  const changes = terms.map(([name], index) => `${name} = $${index + 2}`).join(', ')
  const values = [symbolId, ...terms.map(([, value]) => value)]
  await db.query(`update reference.symbols set ${changes} where symbol_id = $1`, values)
}

async function setGroups(db: Queryable, traders: Play['traders']): Promise<void> {
  for (const { name, group } of traders) {
    if (group === null) continue
    const text = 'update reference.participants set trade_group = $2 where client_id = $1'
    await db.query(text, [name, group])
  }
}

/** One round trip for all that is compared. */
async function readTables(
  client: pg.Client,
  symbolId: number,
  known: ReadonlySet<string>,
): Promise<Tables> {
  const parked = known.has('parked_orders.order_id')
    ? `select p.order_id, p.pending_reason, w.stop_price from matching.parked_orders as p
       left join matching.stop_orders_watchlist as w using (segment_id, order_id)
       where p.symbol_id = ${symbolId} order by p.order_id`
    : 'select where false'
  const results = await client.query<pg.QueryResultRow[]>(`
    select o.* from matching.orders as o where o.symbol_id = ${symbolId} order by o.order_id;
    select b.* from matching.book as b where b.symbol_id = ${symbolId}
      order by b.sort_price, b.priority_no;
    ${parked};
    select t.* from matching.trades as t where t.symbol_id = ${symbolId} order by t.seq;
    select p.client_id, a.asset_id = s.base_asset_id as is_base, a.held, a.unsettled_in,
      a.unsettled_out
    from reference.symbols as s
    join ledger.accounts as a on a.asset_id in (s.base_asset_id, s.quote_asset_id)
    join reference.participants as p on p.participant_id = a.participant_id
    where s.symbol_id = ${symbolId} and p.kind = 'CUSTOMER';
    select t.*, s.status, case when isfinite(t.phase_end_at)
      then (extract(epoch from t.phase_end_at) * 1000)::float8 end as phase_end_ms
    from reference.symbols as s
    join matching.symbol_state as t on t.symbol_id = s.symbol_id
    where s.symbol_id = ${symbolId}`)
  const [orders, book, waiting, trades, funds, state] = [results].flat().map(({ rows }) => rows)
  return {
    orders: orders ?? [],
    book: book ?? [],
    parked: waiting ?? [],
    trades: trades ?? [],
    funds: funds ?? [],
    state: state?.[0],
  }
}

/** What was rolled back stays in the tables, and makes them slow, until it is cleared away. */
async function vacuum(db: Queryable): Promise<void> {
  const [row] = await db.query<{ names: string }>(
    `select string_agg(c.oid::regclass::text, ', ') as names from pg_class as c
     where c.relkind in ('r', 'p') and not c.relispartition
       and c.relnamespace in ('matching'::regnamespace, 'ledger'::regnamespace,
         'settlement'::regnamespace, 'reference'::regnamespace)`,
  )
  await db.query(`vacuum ${row?.names ?? ''}`)
}

function interval(ms: number): string {
  return `${ms} milliseconds`
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
