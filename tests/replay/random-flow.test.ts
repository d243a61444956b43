import { join } from 'node:path'
import t from 'tap'
import { audit } from '../helpers/market.ts'
import { randomNumbers } from '../helpers/seed.ts'
import { until } from '../helpers/until.ts'
import { writeNaiveFlow } from './naive-flow.ts'
import { isClean, replay } from './replay.ts'
import { startTestVenue } from './test-venue.ts'

const unharmed = { words: [], differences: { trades: 0, books: 0, answers: 0 } }

t.test('random flow trades as in a plain book, in batches and one by one', async t => {
  const { url, database } = await startTestVenue(t)
  const dir = t.testdir()
  const [long, short] = [join(dir, 'long.jsonl'), join(dir, 'short.jsonl')]
  writeNaiveFlow(long, 600, randomNumbers())
  writeNaiveFlow(short, 100, randomNumbers())

  const batches = await replay({ url, file: long, batch: 37 })
  const singly = await replay({ url, file: short, batch: 1 })

  t.match(batches, { ...unharmed, commands: 600 }, 'in batches')
  t.ok(batches.trades > 50, `${batches.trades} trades`)
  t.ok(isClean(batches), 'all settled, the money conserved')
  t.match(singly, { ...unharmed, commands: 100 }, 'one by one')
  t.ok(isClean(singly))
  t.strictSame(await audit(database), [], 'the audit finds nothing')
})

t.test('a replay goes on over a restart of the service, and nothing differs', async t => {
  const { url, database, restart } = await startTestVenue(t)
  const file = join(t.testdir(), 'random.jsonl')
  writeNaiveFlow(file, 400, randomNumbers())

  const replayed = replay({ url, file, batch: 8 })
  await until(async () => {
    const [{ orders } = { orders: '0' }] = await database.query<{ orders: string }>(
      'select count(*) as orders from matching.orders',
    )
    return Number(orders) > 100
  })
  await restart()
  const result = await replayed

  t.match(result, { ...unharmed, commands: 400 })
  t.ok(result.repeats > 0, 'requests were sent again')
  t.ok(isClean(result), 'all settled, the money conserved')
  t.strictSame(await audit(database), [], 'the audit finds nothing')
})
