import pg from 'pg'
import t, { type Test } from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { seed } from '../helpers/seed.ts'
import { addToBook } from './book.ts'
import { compare } from './comparison.ts'
import { keptSeeds, keptSequences } from './kept-seeds.ts'
import type { Market, Order } from './market.ts'
import { play, printFailure } from './property.ts'
import { openSqlMarket, type SqlMarket } from './sql-market.ts'

/** The full run, `npm run property`, plays 10,000. */
const sequences = 300
const ofEachKeptSeed = 20

async function openLanes(t: Test, count: number): Promise<SqlMarket[]> {
  const open = async () => {
    const { url } = await testDatabase(t)
    const client = new pg.Client(url)
    await client.connect()
    t.teardown(() => client.end())
    return openSqlMarket(client)
  }
  return Promise.all(Array.from({ length: count }, open))
}

t.test(`random commands do the same here and in the plainest matcher (seed ${seed})`, async t => {
  const lanes = await openLanes(t, 2)

  const { totals, failures } = await play({ lanes, sequences, seed })

  t.same(failures.map(printFailure), [])
  t.ok(totals.trades > sequences / 4, `${totals.commands} commands made ${totals.trades} trades`)
})

t.test('what once differed does not differ any more', async t => {
  const [sql] = await openLanes(t, 1)
  if (!sql) throw new Error('there is one lane')

  for (const { why, sequence } of keptSequences) {
    t.same((await compare(sql, sequence)).differences, [], why)
  }
  for (const kept of keptSeeds) {
    const { failures } = await play({ lanes: [sql], sequences: ofEachKeptSeed, seed: kept })
    t.same(failures.map(printFailure), [], `seed ${kept}`)
  }
})

/** Who comes last to a price goes first. */
function addToFront(market: Market, order: Order): void {
  addToBook(market, order)
  const queue = market.book[order.side]
  const first = queue.findIndex(({ bookPrice }) => bookPrice === order.bookPrice)
  queue.splice(queue.indexOf(order), 1)
  queue.splice(first, 0, order)
}

t.test('the control: a matcher that serves the last one first is found out', async t => {
  const lanes = await openLanes(t, 2)

  const { failures } = await play({
    lanes,
    sequences,
    seed,
    how: { ways: { addToBook: addToFront } },
    isShrunk: false,
  })

  t.equal(failures.length, 2, 'on both lanes')
})
