import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { createMarket, noon } from '../helpers/market.ts'
import { ask, bid, type Rest, rest } from './resting-orders.ts'

const rich = { USD: '100000000', BTC: '100000' }

async function market(t: Test, orders: Rest[], symbol = {}): Promise<TestDatabase> {
  const db = await testDatabase(t)
  const options = { tick: '1', lot: '1', ...symbol }
  const traders = { alice: rich, bob: rich, carol: rich }
  await createMarket(db, { symbols: { 'BTC-USD': options }, traders })
  await rest(db, 'BTC-USD', orders)
  return db
}

/** price volume surplus side, as the book would uncross now. */
async function uncrossing(
  db: TestDatabase,
  {
    reference = null,
    at = noon,
    close = false,
  }: { reference?: string | null; at?: string; close?: boolean } = {},
): Promise<string> {
  const [row] = await db.query<{ said: string }>(
    `select concat_ws(' ', trim_scale(u.price), trim_scale(u.volume), trim_scale(u.surplus),
        u.surplus_side) as said
      from reference.symbols as s
      cross join lateral matching.uncrossing(s, $1, $2, $3) as u`,
    [reference, close, at],
  )
  return row?.said ?? ''
}

t.test('[MAT-071] the worked example: 639, where all that is left over are buyers', async t => {
  const db = await market(t, [
    bid('alice', '500', '640'),
    bid('alice', '1000', '639'),
    bid('alice', '1000', '634'),
    bid('alice', '500', '633'),
    ask('bob', '1000', '610'),
    ask('bob', '500', '640'),
    ask('bob', '520', '641'),
    ask('bob', '550', '642'),
    ask('bob', '519', '643'),
  ])

  t.equal(await uncrossing(db), '639 1000 500 BUY')
  t.equal(await uncrossing(db, { reference: '600' }), '639 1000 500 BUY', 'whatever came before')
})

t.test('[MAT-071] most volume wins, whatever is left over', async t => {
  const db = await market(t, [
    bid('alice', '10', '102'),
    bid('alice', '50', '100'),
    ask('bob', '10', '99'),
    ask('bob', '10', '100'),
  ])

  t.equal(await uncrossing(db, { reference: '102' }), '100 20 40 BUY')
})

t.test('[MAT-071] sellers left over press the price to the lowest', async t => {
  const db = await market(t, [
    bid('alice', '10', '105'),
    bid('alice', '3', '95'),
    ask('bob', '20', '101'),
    ask('bob', '20', '103'),
  ])

  t.equal(await uncrossing(db, { reference: '105' }), '101 10 10 SELL')
})

t.test('[MAT-071] with nothing left over the nearest to the reference price is it', async t => {
  const db = await market(t, [
    bid('alice', '10', '110'),
    bid('alice', '5', '90'),
    ask('bob', '10', '100'),
    ask('bob', '5', '120'),
  ])

  t.equal(await uncrossing(db, { reference: '104' }), '104 10 0')
  t.equal(await uncrossing(db, { reference: '90' }), '100 10 0', 'not below an ask')
  t.equal(await uncrossing(db, { reference: '130' }), '110 10 0', 'not above a bid')
  t.equal(await uncrossing(db), '105 10 0', 'the middle of the best two, where there is none')
})

t.test('[MAT-071] the middle is rounded to the tick', async t => {
  const orders = [bid('alice', '10', '107'), ask('bob', '10', '100')]
  const db = await market(t, orders)

  t.equal(await uncrossing(db), '104 10 0', '103.5 goes up')
  t.equal(await uncrossing(db, { reference: '102.4' }), '102 10 0', 'and so is what came before')
})

t.test(
  '[MAT-071] buyers left over below a price, sellers above: the reference decides',
  async t => {
    // At 100 and below 15 are bought and 10 sold, from 101 on 10 are bought and 15 sold.
    const db = await market(t, [
      bid('alice', '10', '110'),
      bid('alice', '5', '100'),
      ask('bob', '10', '90'),
      ask('bob', '5', '101'),
    ])

    t.equal(await uncrossing(db, { reference: '80' }), '90 10 5 BUY')
    t.equal(await uncrossing(db, { reference: '103' }), '103 10 5 SELL')
  },
)

t.test('[MAT-071] a price between two orders is found: one tick above a bid', async t => {
  // Above 100 as much is bought as sold.
  const db = await market(t, [
    bid('alice', '10', '110'),
    bid('alice', '5', '100'),
    ask('bob', '10', '90'),
  ])

  t.equal(await uncrossing(db, { reference: '80' }), '101 10 0')
})

t.test('[MAT-071] a book that is not crossed has no price', async t => {
  const db = await market(t, [bid('alice', '10', '99'), ask('bob', '10', '100')])

  t.equal(await uncrossing(db, { reference: '100' }), '0')
  t.equal(await uncrossing(await market(t, [bid('alice', '10', '99')])), '0')
  t.equal(await uncrossing(await market(t, [])), '0')
})

t.test('[OT-14] an order whose time is over takes no part', async t => {
  const db = await market(t, [
    bid('alice', '10', '100', { expire_at: noon }),
    bid('alice', '5', '99'),
    ask('bob', '10', '99'),
  ])

  t.equal(await uncrossing(db), '99 5 5 SELL')
  t.equal(await uncrossing(db, { at: '2026-03-02T11:59:59.999Z' }), '100 10 0')
})

t.test('[MAT-079] an order of the day takes part in the close that it ends with', async t => {
  const db = await market(t, [
    bid('alice', '10', '100', { expire_at: noon, rule: 'DAY' }),
    ask('bob', '10', '99'),
  ])

  t.equal(await uncrossing(db), '0')
  t.equal(await uncrossing(db, { close: true }), '100 10 0')
})
