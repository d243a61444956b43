import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { findEmbedded } from '../../app/database/embedded.ts'
import { until } from '../helpers/until.ts'

t.test('SIGTERM to npm stops the service that npm start runs, and its server', async t => {
  const dataDir = mkdtempSync(join(tmpdir(), 'pgsettle-npm-'))
  const child = spawn('npm', ['start'], {
    env: { ...process.env, DATABASE_URL: '', DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    printed += text
  })
  const ended = once(child, 'exit')
  await until(() => /dashboard +http\S+\//.test(printed))
  const url = /dashboard +(http\S+?)\/\s/.exec(printed)?.[1] ?? ''
  t.equal((await fetch(`${url}/health`)).status, 200)

  child.kill('SIGTERM')
  await ended

  await until(async () => {
    const isGone = await fetch(`${url}/health`).then(
      () => false,
      () => true,
    )
    return isGone && (await findEmbedded(dataDir)) === null
  })
  t.pass('the address is closed and no server runs on the data folder')
})
