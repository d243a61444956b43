import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, createMarket, type Queryable } from '../helpers/market.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { openSession } from '../helpers/session.ts'

const newcomers = 40
const sessions = 8

/** As it was: accounts are locked, then the missing ones opened, then all locked again. */
const lockFirst = `create or replace function ledger.change_accounts(
    p_segment_id int, p_changes ledger.account_change[]
  ) returns boolean language plpgsql volatile as $$
  begin
    for v_try in 1..2 loop
      perform from ledger.account_changes(p_segment_id, p_changes) as c
      join ledger.accounts as a using (segment_id, participant_id, asset_id)
      order by a.participant_id, a.asset_id for no key update of a;
      insert into ledger.accounts (segment_id, participant_id, asset_id, may_be_negative)
      select p_segment_id, c.participant_id, c.asset_id, false
      from ledger.account_changes(p_segment_id, p_changes) as c
      order by c.participant_id, c.asset_id on conflict do nothing;
    end loop;
    update ledger.accounts as a set posted = a.posted + c.posted
    from ledger.account_changes(p_segment_id, p_changes) as c
    where a.segment_id = c.segment_id and a.participant_id = c.participant_id
      and a.asset_id = c.asset_id;
    return true;
  end $$`

async function market(t: Test): Promise<TestDatabase> {
  const db = await testDatabase(t)
  const names = Array.from({ length: newcomers }, (_, i) => `new-${i}`)
  await createMarket(db, { traders: Object.fromEntries(names.map(name => [name, {}])) })
  return db
}

/** Every session changes random accounts, most of which somebody opens just then. */
async function rush(t: Test, db: TestDatabase): Promise<string[]> {
  const crowd = await Promise.all(Array.from({ length: sessions }, () => openSession(t, db.url)))
  const errors: string[] = []
  const change = async (session: Queryable, n: number) => {
    const random = randomNumbers(seed + n)
    for (let i = 0; i < 30; i++) {
      const middle = (i / 30) * newcomers
      const ids = [...new Set(Array.from({ length: 6 }, () => Math.floor(middle + random() * 10)))]
      const text = `select ledger.change_accounts(1, array(
        select row(p.participant_id, a.asset_id, 1, 0, 0, 0)::ledger.account_change
        from reference.participants as p, reference.assets as a
        where p.client_id = any ($1)))`
      await session
        .query(text, [ids.map(id => `new-${id}`)])
        .catch(error => errors.push(error.code))
    }
  }
  await Promise.all(crowd.map(change))
  return errors
}

t.test(`[LED-004] accounts that many open at once bring no deadlock (seed ${seed})`, async t => {
  const db = await market(t)
  t.same(await rush(t, db), [])
  const found = await audit(db)
  t.ok(
    found.every(({ check_name }) => /posted|zero/.test(check_name)),
    'what was made up is found',
  )
})

t.test('control: locked first and opened then, they do', async t => {
  for (let round = 0; round < 10; round++) {
    const db = await market(t)
    await db.query(lockFirst)
    const errors = await rush(t, db)
    t.ok(errors.every(code => code === '40P01'))
    if (errors.length > 0) return t.pass(`${errors.length} deadlocks in round ${round}`)
  }
  t.fail('no deadlock in ten rounds')
})
