import { readdirSync } from 'node:fs'
import t from 'tap'
import { ask, emptyDataDir, serverPid } from '../app/database/embedded-helpers.ts'
import { type Service, startService } from '../helpers/service.ts'
import { until } from '../helpers/until.ts'

t.test('a first start that is killed at any point is made good by the next one', async t => {
  const dataDir = emptyDataDir(t)
  const moments: Record<string, (service: Service) => boolean> = {
    'its data folder is made': () => readdirSync(dataDir).length > 0,
    'its server starts': () => serverPid(dataDir) !== null,
    'it migrates': service => service.stdout().includes('PostgreSQL runs'),
    'it migrates for the second time': service => service.stdout().includes('PostgreSQL runs'),
  }

  for (const [moment, isThere] of Object.entries(moments)) {
    const killed = startService(t, { DATA_DIR: dataDir, LOG_LEVEL: 'info' })
    await until(() => isThere(killed))
    killed.kill('SIGKILL')
    t.equal(await killed.ended, 'SIGKILL', `killed while ${moment}`)
  }
  const service = startService(t, { DATA_DIR: dataDir })
  const { url, databaseUrl } = await service.open()

  await until(async () => (await fetch(`${url}/ready`)).status === 200)
  const counts = `select (select count(*)::int from symbols), (select count(*)::int from deposits),
    (select sum(posted)::text from accounts join assets using (asset_id)
      where asset = 'USD' and posted > 0)`
  t.same(await ask(databaseUrl, counts), [[10, 20, '2000000']], 'seeded whole, and once')
  t.same(await ask(databaseUrl, 'select * from audit()'), [])
  t.same(
    readdirSync(dataDir).filter(name => name.startsWith('postgres.new-')),
    [],
    'nothing half-made is left',
  )
  service.kill('SIGTERM')
  t.equal(await service.ended, 0)
})
