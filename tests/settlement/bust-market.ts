import type { Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { buy, createMarket, execute, type Queryable, sell } from '../helpers/market.ts'

/** Morning of a Monday. */
export const monday = '2026-03-02T09:00:00Z'

/** bob has bitcoin, alice money, in a symbol whose maker pays 0.1 % and whose taker 0.2 %. */
export const funds = { alice: { USD: '10000' }, bob: { BTC: '10' } }

/** A market without a trade. Options are those of the symbol BTC-USD. */
export async function bustMarket(
  t: Test,
  traders: Record<string, Record<string, string>> = funds,
  options: Record<string, string> = {},
): Promise<TestDatabase> {
  const db = await testDatabase(t)
  const symbols = { 'BTC-USD': { tick: '0.01', lot: '0.01', quote_decimals: '4', ...options } }
  await createMarket(db, { now: monday, symbols, traders })
  return db
}

/** bob sells to alice, who takes. Returns the id of the trade. */
export async function trade(
  db: Queryable,
  price = '1000',
  quantity = '1',
  { now = monday, seller = 'bob', buyer = 'alice' } = {},
): Promise<string> {
  const answers = await execute(
    db,
    'BTC-USD',
    [sell(seller, quantity, price), buy(buyer, quantity, price, { time_in_force: 'IOC' })],
    { now },
  )
  return answers[1]?.fills[0]?.trade_id ?? ''
}

/** Asks, as ann, for a trade to be busted, or corrected where a price is given. */
export async function ask(
  db: Queryable,
  tradeId: string,
  price: string | null = null,
  now = monday,
): Promise<string> {
  const text =
    price === null
      ? "select ops.bust_trade($1, 'a mistake', 'ann', 1, $2) as id"
      : "select ops.correct_trade($1, $3, 'a mistake', 'ann', 1, $2) as id"
  const values = price === null ? [tradeId, now] : [tradeId, now, price]
  return (await db.query(text, values))[0]?.id ?? ''
}

/** Busts a trade, or corrects it, on the word of two. Returns the trade that took its place. */
export async function bust(
  db: Queryable,
  tradeId: string,
  price: string | null = null,
  now = monday,
): Promise<string> {
  const id = await ask(db, tradeId, price, now)
  const [row] = await db.query("select ops.approve_bust($1, 'bea', 1, $2) as id", [id, now])
  return row?.id ?? ''
}

/** By trade, what its instruction and its reversal came to: `STATUS REASON`. */
export async function outcome(db: Queryable, tradeId: string): Promise<string[]> {
  const rows = await db.query(
    `select concat_ws(' ', i.status, i.reason) as state
    from settlement.instructions as i
    left join settlement.reversals as r on r.reversal_id = i.instruction_id
    where $1 in (i.instruction_id, r.instruction_id)
    order by r.reversal_id nulls first`,
    [tradeId],
  )
  return rows.map(row => row.state)
}

/** What is in the house, of dollars. */
export async function earned(db: Queryable): Promise<string | undefined> {
  const [row] = await db.query(
    `select trim_scale(a.posted)::text as amount from ledger.accounts as a
    join reference.assets as s on s.asset_id = a.asset_id and s.asset = 'USD'
    where a.participant_id = reference.house_id()`,
  )
  return row?.amount
}

/** What is wrong, in money, links and history: nothing. */
export async function faults(db: Queryable): Promise<unknown[]> {
  return [
    ...(await db.query('select * from ops.audit()')),
    ...(await db.query('select * from ops.verify_chain()')),
    ...(await db.query("select * from ops.verify_replay('BTC-USD')")),
  ]
}
