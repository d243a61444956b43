import t from 'tap'
import { createDatabase } from '../../app/database/connect.ts'
import { LostConnection } from '../../app/errors.ts'
import { createStatements } from '../../app/statements.ts'
import { testDatabase } from '../helpers/database.ts'

t.test('connections that are cut all the time cost queries, never the process', async t => {
  const db = await testDatabase(t)
  const log = { warn: () => {} }
  const { pool, close } = createDatabase(db.appUrl, { name: 'cut', log })
  t.teardown(close)
  const { read } = createStatements({ pool, segmentId: 1, clock: () => new Date() })
  const odd: unknown[] = []
  const counts = { answered: 0, lost: 0 }
  let isOver = false
  const asking = Array.from({ length: 12 }, async () => {
    while (!isOver) {
      try {
        await read('select pg_sleep(0.002), $1::int', [])
        counts.answered++
      } catch (error) {
        if (error instanceof LostConnection) counts.lost++
        else odd.push(error)
      }
    }
  })

  // Each hits connections that are being made, given out, used and given back.
  for (let round = 0; round < 150; round++) {
    await db.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'cut'`)
  }
  isOver = true
  await Promise.all(asking)

  t.same(odd, [])
  t.ok(counts.lost > 100, `${counts.lost} queries lost their connection`)
  t.match(await read('select $1::int as segment', []), [{ segment: 1 }], 'and it goes on')
})
