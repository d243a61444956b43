import t from 'tap'
import { createStatements } from '../../app/statements.ts'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit } from '../helpers/market.ts'
import { until } from '../helpers/until.ts'
import { order, testServer } from './test-server.ts'

async function onceAppWaits({ query }: TestDatabase, notPid = 0): Promise<number> {
  let found = 0
  // One that was ended a moment ago may be seen waiting still.
  await until(async () => {
    const [row] = await query<{ pid: number }>(
      `select pid from pg_stat_activity
       where datname = current_database() and usename = 'pgsettle_app'
         and wait_event_type = 'Lock' and pid <> $1`,
      [notPid],
    )
    found = row?.pid ?? 0
    return found > 0
  })
  return found
}

t.test('a deadlock or serialization failure is retried, and not for ever', async t => {
  const { ownerPool, query } = await testDatabase(t)
  await query('create sequence public.tries')
  await query(
    `create function public.fails_until(p_try int, p_state text) returns bigint
     language plpgsql as $$
     declare v_try bigint := nextval('public.tries');
     begin
       if v_try < p_try then raise exception 'not yet' using errcode = p_state; end if;
       return v_try;
     end $$`,
  )
  const statements = createStatements({ pool: ownerPool, segmentId: 1, clock: () => new Date() })
  const run = async (tries: number, state: string) => {
    await query("select setval('public.tries', 1, false)")
    const values = [tries, state]
    const text = 'select public.fails_until($1, $2) as tries'
    return statements.readBare<{ tries: string }>(text, values)
  }

  t.match(await run(3, '40001'), [{ tries: '3' }])
  t.match(await run(3, '40P01'), [{ tries: '3' }])
  await t.rejects(run(99, '40001'), { code: '40001' })
  await t.rejects(run(2, 'RJXYZ'), { code: 'RJXYZ' })
  t.match(await query('select last_value::text as tries from public.tries'), [{ tries: '1' }])
})

t.test('a connection that dies under a statement: a write is unknown, a read is not', async t => {
  const database = await testDatabase(t)
  const { ownerPool } = database
  const statements = createStatements({ pool: ownerPool, segmentId: 1, clock: () => new Date() })
  const suicide = 'select pg_terminate_backend(pg_backend_pid()), $1::int'

  await t.rejects(statements.write(suicide, []), { name: 'LostConnection', isSent: true })
  await t.rejects(statements.read(suicide, []), { name: 'LostConnection', isSent: false })
  t.match(await statements.read('select $1::int as segment', []), [{ segment: 1 }])
})

t.test(
  'an order whose answer was lost: with a key it is answered, without it is unknown',
  async t => {
    const { database, ask } = await testServer(t)
    const holder = await database.ownerPool.connect()
    await holder.query('begin')
    await holder.query('select from matching.symbol_state for update')

    const first = ask('POST', '/orders', order({ idempotency_key: 'keyed' }))
    const pid = await onceAppWaits(database)
    const keyless = ask('POST', '/orders', order())
    const keyed = ask('POST', '/orders', order({ idempotency_key: 'keyed-2' }))
    await database.query('select pg_terminate_backend($1)', [pid])
    t.ok(await onceAppWaits(database, pid), 'the keyed order was sent once more')
    await holder.query('rollback')
    holder.release()

    t.equal((await first).status, 201)
    t.equal((await keyless).status, 201, 'it was not in the batch that was lost')
    t.equal((await keyed).status, 201)
    t.same(await audit(database), [])
  },
)

t.test('without a key nobody can know, and nothing is sent twice', async t => {
  const { database, ask } = await testServer(t)
  const holder = await database.ownerPool.connect()
  await holder.query('begin')
  await holder.query('select from matching.symbol_state for update')

  const keyless = ask('POST', '/orders', order())
  await database.query('select pg_terminate_backend($1)', [await onceAppWaits(database)])

  t.match(await keyless, { status: 503, body: { code: 'UNKNOWN_OUTCOME' } })
  await holder.query('rollback')
  holder.release()
  const listed = await ask('GET', '/orders')
  t.same(listed.body.items, [])
})
