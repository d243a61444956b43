import { connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
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

/** A way to the server that can fall silent, as a broken network does: no end, no answer. */
async function silentWay(t: Test, url: string) {
  const { hostname, port } = new URL(url)
  const sockets: Socket[] = []
  const proxy = createServer(near => {
    const far = connect(Number(port), hostname)
    near.on('error', () => {}).pipe(far)
    far.on('error', () => {}).pipe(near)
    sockets.push(near, far)
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })
  const address = proxy.address()
  const through = new URL(url)
  through.port = String(typeof address === 'object' ? address?.port : '')
  return {
    url: through.href,
    fallSilent: () => {
      for (const socket of sockets.splice(0)) socket.unpipe().pause()
    },
  }
}

t.test('a connection that falls silent is given up, and its query is lost', async t => {
  const db = await testDatabase(t)
  const way = await silentWay(t, db.appUrl)
  const log = { warn: () => {} }
  const options = { name: 'silent', log, statementTimeoutMs: 500 }
  const { pool, close } = createDatabase(way.url, options)
  t.teardown(close)
  const { read, write } = createStatements({ pool, segmentId: 1, clock: () => new Date() })
  t.match(await read('select $1::int as segment', []), [{ segment: 1 }])

  way.fallSilent()

  const lost = write('select $1::int as segment', [])
  await t.rejects(lost, { name: 'LostConnection', isSent: true }, 'nobody knows what it did')
  t.match(await read('select $1::int as segment', []), [{ segment: 1 }], 'on another connection')
})
