import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { testDatabase } from '../helpers/database.ts'

async function shell(env: Record<string, string>, args: string[], input = '') {
  const child = spawn(process.execPath, ['--import', 'tsx', 'app/sql-shell.ts', ...args], {
    env: { ...process.env, ...env },
  })
  child.stdin.end(input)
  const ended = once(child, 'close')
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  await ended
  return { code: child.exitCode, out, err }
}

t.test(
  'a statement as argument is run and its rows are shown as PostgreSQL prints them',
  async t => {
    const { url } = await testDatabase(t, { isEmpty: true })
    const statement = `select 50000.10::numeric as price, null as nothing, e'two\\nlines' as said;`

    const { code, out, err } = await shell({ DATABASE_URL: url }, [statement])

    t.equal(
      out,
      [
        ' price    | nothing | said  ',
        '----------+---------+-------',
        ' 50000.10 |         | two   ',
        '          |         | lines ',
        '(1 row)',
        '',
        '',
      ].join('\n'),
    )
    t.same([code, err], [0, ''])
  },
)

t.test('statements are read from the input, and one that fails does not end it', async t => {
  const { url } = await testDatabase(t, { isEmpty: true })
  const input = [
    'create table t (n int);',
    'insert into t',
    'values (1), (2);',
    'select broken;',
    'select n from t order by n; select 1 as two_results;',
    '\\q',
    'select never;',
  ].join('\n')

  const { code, out, err } = await shell({ DATABASE_URL: url }, [], input)

  const numbers = ' n \n---\n 1 \n 2 \n(2 rows)\n\n'
  const second = ' two_results \n-------------\n 1           \n(1 row)\n\n'
  t.equal(out, `CREATE\nINSERT 2\n${numbers}${second}`)
  t.equal(err, 'ERROR 42703: column "broken" does not exist\n')
  t.equal(code, 1)
})

t.test('where no server runs it says so in one line', async t => {
  const dataDir = mkdtempSync(join(tmpdir(), `pgsettle-test-${process.pid}-`))
  t.teardown(() => rmSync(dataDir, { recursive: true }))

  const { code, err } = await shell({ DATABASE_URL: '', DATA_DIR: dataDir }, ['select 1'])

  t.equal(err, `no server runs on ${dataDir}: npm start first, or set DATABASE_URL\n`)
  t.equal(code, 1)
})
