import { pino } from 'pino'
import t from 'tap'
import { createDoorbell } from '../../../app/events/doorbell.ts'
import { testDatabase } from '../../helpers/database.ts'

const log = pino({ level: 'silent' })

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('waited in vain')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

t.test('a listener whose connection is killed comes back, and looks at once', async t => {
  const { appUrl, query } = await testDatabase(t)
  let rings = 0
  const doorbell = createDoorbell({
    connectionString: appUrl,
    log,
    notify: async channels => {
      for (const channel of channels) await query('select pg_notify($1, null)', [channel])
    },
    onRing: () => {
      rings += 1
    },
  })
  t.teardown(doorbell.close)
  await until(() => doorbell.isListening() && rings === 1)

  doorbell.ring()
  await until(() => rings === 2)

  const killed = await query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'pgsettle listener'`,
  )
  t.equal(killed.length, 1)
  await until(() => rings === 3 && doorbell.isListening())

  doorbell.ring({ settlements: true })
  await until(() => rings === 5)
  t.equal(rings, 5, 'one for each channel')
})

t.test('a listener that finds no server waits for one, and can be closed', async t => {
  let rings = 0
  const doorbell = createDoorbell({
    connectionString: 'postgres://nobody@127.0.0.1:1/none',
    log,
    notify: async () => {},
    onRing: () => {
      rings += 1
    },
  })

  t.notOk(doorbell.isListening())
  await new Promise(resolve => setTimeout(resolve, 100))
  await doorbell.close()
  t.equal(rings, 0)
})
