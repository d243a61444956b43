import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { buy, command, createMarket, execute, type Queryable, sell } from '../helpers/market.ts'

const symbols = { 'BTC-USD': {}, 'ETH-USD': {} }
const traders = { ann: { USD: '100000', BTC: '10', ETH: '10' }, bob: { USD: '100000', BTC: '10' } }

interface Filter {
  client?: string | null
  symbol?: string | null
  status?: string | null
  cursor?: string | null
  limit?: number
}

const list = (db: Queryable, { client, symbol, status, cursor, limit = 100 }: Filter) =>
  db.query<{ order_id: string; status: string; cursor: string }>(
    `select l.order_id, l.status, l.cursor
     from api.list_orders(1, $1, $2, $3, $4, $5) with ordinality as l order by l.ordinality`,
    [client, symbol, status, cursor, limit],
  )

/** Of ann: three orders open, one filled in part, one filled, one cancelled, one expired. */
async function fill(db: Queryable) {
  await createMarket(db, { symbols, traders })
  const at = (minute: number) => ({ now: `2026-03-02T12:0${minute}:00Z` })
  await execute(db, 'BTC-USD', [buy('ann', '1', '100'), sell('ann', '2', '110')], at(0))
  await execute(db, 'ETH-USD', [sell('ann', '1', '50')], at(1))
  await execute(db, 'BTC-USD', [buy('bob', '0.5', '110'), buy('bob', '1', '90')], at(2))
  await execute(db, 'BTC-USD', [buy('ann', '1', '95'), buy('ann', '1', '91')], at(3))
  const cancelled = command({ op: 'CANCEL', order_id: '1000000000006' })
  await execute(
    db,
    'BTC-USD',
    [cancelled, sell('ann', '1', '200', { time_in_force: 'IOC' })],
    at(4),
  )
  await execute(db, 'BTC-USD', [buy('bob', '0.5', '109'), sell('ann', '0.5', '109')], at(5))
}

t.test('a list is of a participant, a symbol, a status, newest first', async t => {
  const db = await testDatabase(t)
  await fill(db)
  const ids = async (filter: Filter) => (await list(db, filter)).map(row => row.order_id)

  for (const status of ['OPEN', 'PARTIALLY_FILLED', 'FILLED', 'CANCELLED', 'EXPIRED', null]) {
    for (const symbol of ['BTC-USD', 'ETH-USD', null]) {
      const rows = await db.query<{ order_id: string }>(
        `select o.order_id
         from matching.orders as o
         join reference.participants as p using (participant_id)
         join reference.symbols as s using (symbol_id)
         where p.client_id = 'ann' and o.status::text = coalesce($1, o.status::text)
           and s.symbol = coalesce($2, s.symbol)
         order by o.created_at desc, o.order_id desc`,
        [status, symbol],
      )
      const expected = rows.map(row => row.order_id)
      t.strictSame(await ids({ client: 'ann', symbol, status }), expected, `${status} ${symbol}`)
    }
  }
  const open = ['1000000000005', '2000000000001', '1000000000001']
  t.strictSame(await ids({ client: 'ann', status: 'OPEN' }), open)
  t.strictSame(await ids({ client: 'ann', status: 'PARTIALLY_FILLED' }), ['1000000000002'])
})

t.test('a cursor goes on behind the last row, in every kind of list', async t => {
  const db = await testDatabase(t)
  await fill(db)

  for (const client of ['ann', null]) {
    for (const status of ['OPEN', 'FILLED', null]) {
      const whole = await list(db, { client, status })
      const pages: string[] = []
      let cursor: string | null = null
      for (let page = 0; page <= whole.length; page++) {
        const [row] = await list(db, { client, status, cursor, limit: 1 })
        if (row === undefined) break
        pages.push(row.order_id)
        cursor = row.cursor
      }
      t.ok(whole.length > 0)
      t.strictSame(
        pages,
        whole.map(row => row.order_id),
        `${client} ${status}`,
      )
    }
  }
})

t.test(
  'orders in a status that rests are looked up in the book, not among all that ended',
  async t => {
    const db = await testDatabase(t)
    await fill(db)

    await db.query("update matching.orders set status = 'OPEN' where status = 'CANCELLED'")

    t.equal((await list(db, { client: 'ann', status: 'OPEN' })).length, 3)
  },
)
