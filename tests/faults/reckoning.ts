import type { Test } from 'tap'
import { ask } from '../app/database/embedded-helpers.ts'
import { until } from '../helpers/until.ts'
import type { Follower } from './follower.ts'
import { type Load, send } from './load.ts'

/** What the seed of an embedded database has brought in, by asset. */
const seeded = [
  ['BTC', '200'],
  ['USD', '2000000'],
]

/**
 * After a fault: every order that was acknowledged is there and answers as it did; one that nobody
 * knows of is told by its key, and is there once; one that was denied is not; what was traded
 * settles, no money is lost, and audit() finds nothing.
 */
export async function reckon(t: Test, url: string, databaseUrl: string, load: Load): Promise<void> {
  const { acknowledged, unknown, denied, odd } = load
  t.same(odd, [], 'every answer was one of those that are allowed')

  const wrong: string[] = []
  await inParallel([...acknowledged], async ([key, { body, reply }]) => {
    const again = await send(url, body)
    if (again.status !== 201 || JSON.stringify(again.reply) !== JSON.stringify(reply)) {
      wrong.push(`${key}: ${JSON.stringify(reply)} then ${JSON.stringify(again)}`)
    }
  })
  t.same(wrong, [], `${acknowledged.size} acknowledged orders answer as they did`)

  await inParallel([...unknown], async ([key, body]) => {
    const told = await send(url, body)
    if (told.status !== 201) wrong.push(`${key}: ${JSON.stringify(told)}`)
  })
  t.same(wrong, [], `${unknown.size} unknown orders are told by their keys`)

  const rows = await ask(databaseUrl, 'select idempotency_key from orders order by 1')
  const expected = [...acknowledged.keys(), ...unknown.keys()].sort()
  t.same(rows.flat().sort(), expected, `each of them once, and none of the ${denied.size} denied`)

  await until(async () => {
    const [row] = await ask(databaseUrl, 'select count(*)::int from pending_instructions')
    return row?.[0] === 0
  })
  const sums = await ask(
    databaseUrl,
    `select s.asset, trim_scale(sum(a.posted))::text from accounts as a
    join assets as s using (asset_id) join participants as p using (participant_id)
    where p.kind <> 'EXTERNAL' and s.asset in ('BTC', 'USD') group by 1 order by 1`,
  )
  t.same(sums, seeded, 'all is settled, and no money is lost')
  const [owed] = await ask(
    databaseUrl,
    `select (select count(*)::int from trades),
      (select count(*)::int from clearing.obligations)`,
  )
  const trades = Number(owed?.[0])
  t.ok(trades > 0)
  t.equal(owed?.[1], 4 * trades, `four obligations for each of ${trades} trades`)
  t.same(await ask(databaseUrl, 'select * from audit()'), [])
}

/** What the follower was told is what happened: every trade and settlement, once, in order. */
export async function reckonFeed(t: Test, databaseUrl: string, follower: Follower): Promise<void> {
  const trades = (
    await ask(databaseUrl, 'select trade_id::text from trades order by symbol_id, seq')
  ).flat()
  const journals = (
    await ask(
      databaseUrl,
      "select finality_no::int from journals where kind = 'SETTLEMENT' order by finality_no",
    )
  ).flat()
  const told = (event: string, field: string) =>
    follower
      .messages()
      .filter(one => one.event === event)
      .map(one => one.data[field])

  const isTold = () =>
    told('trade', 'trade_id').length >= trades.length &&
    told('settlement', 'finality_no').length >= journals.length
  await until(isTold).catch(() => t.fail('the feed has come to a halt, or lost something'))
  await follower.stop()

  t.same(told('trade', 'trade_id'), trades, `${trades.length} trades, each told once, in order`)
  t.same(told('settlement', 'finality_no'), journals, `${journals.length} settlements as well`)
  t.same(told('reset', 'symbol'), [], 'and it never had to start anew')
  t.ok(follower.connections() > 3, `over ${follower.connections()} connections`)
}

/** Eight at a time, as the clients of the load. */
async function inParallel<Item>(items: Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const run = async () => {
    for (let item = items.shift(); item !== undefined; item = items.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: 8 }, run))
}
