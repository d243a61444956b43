import { sql } from 'kysely'
import pg from 'pg'
import t from 'tap'
import { createDatabase } from '../../../app/database/connect.ts'
import { testDatabase } from '../../helpers/database.ts'
import { until } from '../../helpers/until.ts'

const quiet = { warn: () => {} }

t.test('numbers and times arrive exact, and arrays of them', async t => {
  const { url } = await testDatabase(t, { isEmpty: true })
  const { db, close } = createDatabase(url, { name: 'test', log: quiet })
  t.teardown(close)

  const { rows } = await sql`
    select 9007199254740993::int8 as big, 0.12345678901234567890::numeric as exact,
      '2026-11-20 08:22:09.86+02'::timestamptz as at, '2026-11-20'::date as day,
      'infinity'::timestamptz as never, '0001-01-01 00:00:00+00'::timestamptz as first,
      array[9007199254740993::int8, null] as bigs, array[0.10::numeric] as exacts,
      array['2026-11-20 06:22:09+00'::timestamptz] as ats, array['2026-11-20'::date] as days,
      '{"a": ["1.0"]}'::jsonb as parsed, 7::int4 as small, true as yes, null::numeric as missing
  `.execute(db)

  t.strictSame(rows, [
    {
      big: '9007199254740993',
      exact: '0.12345678901234567890',
      at: '2026-11-20T06:22:09.860000Z',
      day: '2026-11-20',
      never: 'infinity',
      first: '0001-01-01T00:00:00.000000Z',
      bigs: ['9007199254740993', null],
      exacts: ['0.10'],
      ats: ['2026-11-20T06:22:09.000000Z'],
      days: ['2026-11-20'],
      parsed: { a: ['1.0'] },
      small: 7,
      yes: true,
      missing: null,
    },
  ])
})

t.test('the driver itself stays as it was, for whoever else uses it', async t => {
  const { url, query } = await testDatabase(t, { isEmpty: true })
  const { close } = createDatabase(url, { name: 'test', log: quiet })
  t.teardown(close)

  t.match(await query("select '2026-11-20 00:00Z'::timestamptz as at"), [{ at: Date }])
})

t.test('a session is in UTC, has a name, and a limit for each statement', async t => {
  const { url, query } = await testDatabase(t, { isEmpty: true })
  await query(`alter role current_user in database ${new URL(url).pathname.slice(1)}
    set timezone = 'Asia/Tokyo'`)
  const { db, close } = createDatabase(url, { name: 'the app', log: quiet, statementTimeoutMs: 50 })
  t.teardown(close)

  const { rows } = await sql`select current_setting('timezone') as zone,
    current_setting('application_name') as name`.execute(db)

  t.same(rows, [{ zone: 'UTC', name: 'the app' }])
  await t.rejects(sql`select pg_sleep(60)`.execute(db), { code: '57014' })
})

t.test('dead connections are dropped and logged, and the process lives', async t => {
  const { url, query } = await testDatabase(t, { isEmpty: true })
  const warnings: unknown[] = []
  const log = { warn: (...line: unknown[]) => warnings.push(line) }
  const { pool, close } = createDatabase(url, { name: 'victim', log, size: 2 })
  t.teardown(close)
  await Promise.all([pool.query('select 1'), pool.query('select 1')])
  const idle = pool.idleCount

  await query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'",
  )

  await until(() => warnings.length === idle)
  t.equal(pool.totalCount, 0)
  t.same((await pool.query('select 1 as one')).rows, [{ one: 1 }])
})

t.test('a pool of a given size has no more connections than that', async t => {
  const { url, query } = await testDatabase(t, { isEmpty: true })
  const { pool, close } = createDatabase(url, { name: 'three', log: quiet, size: 3 })
  t.teardown(close)

  await Promise.all(Array.from({ length: 20 }, () => pool.query('select 1')))

  const count = "select count(*)::int as n from pg_stat_activity where application_name = 'three'"
  t.same(await query(count), [{ n: 3 }])
})

t.test('a server that is not there is an error', async t => {
  const { pool, close } = createDatabase('postgres://a:b@127.0.0.1:1/c', { name: 'x', log: quiet })
  t.teardown(close)

  await t.rejects(pool.query('select 1'), { code: 'ECONNREFUSED' })
  t.ok(pool instanceof pg.Pool)
})
