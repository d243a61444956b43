import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { mutateFunction } from '../helpers/mutation.ts'
import { seed } from '../helpers/seed.ts'
import { faults, kill, runFault } from './settlement-faults.ts'
import { openSettling } from './settling.ts'

/** As `npm run faults`, for some seconds. */
const plan = {
  ...{ workers: 4, instructions: 600, batchSize: 5, seed },
  ...{ haste: 5, lastsMs: 1000, patienceMs: 30_000 },
}

for (const fault of faults) {
  t.test(`[SET-001] ${fault.name}: each instruction settles once (seed ${seed})`, async t => {
    const db = await testDatabase(t)
    await openSettling(db)

    const report = await runFault(db, db.workerUrl, fault, plan)

    const rescues = report.rescues.map(({ held, ms }) => `${held} in ${Math.round(ms)} ms`)
    t.same(report.wrong, [], `what was claimed by the ${report.strikes}: ${rescues.join(', ')}`)
    t.ok(report.strikes > 1)
  })
}

const entry = new URL('./careless.ts', import.meta.url).href
const careless = { ...plan, entry, instructions: 300, patienceMs: 5000 }

t.test('the control: claims that are committed before they settle are lost', async t => {
  const db = await testDatabase(t)
  await openSettling(db)
  await db.query(`
    create schema careless;
    create table careless.claims (like settlement.pending_instructions);
    create function careless.claim(p_limit int) returns bigint[] language sql as $$
      with claimed as materialized (
        select i.instruction_id from settlement.pending_instructions as i
        order by i.instruction_id limit p_limit for update skip locked
      ), gone as (
        delete from settlement.pending_instructions as i using claimed as c
        where i.instruction_id = c.instruction_id returning i.*
      ), kept as (
        insert into careless.claims select * from gone returning instruction_id
      )
      select coalesce(array_agg(k.instruction_id), '{}') from kept as k
    $$;
    create function careless.settle(p_ids bigint[]) returns int language sql as $$
      with gone as (
        delete from careless.claims as c where c.instruction_id = any (p_ids) returning c.*
      )
      insert into settlement.pending_instructions select * from gone;
      select settlement.settle_instructions(1, clock_timestamp(), p_ids);
    $$`)

  const { wrong } = await runFault(db, db.url, kill, careless)

  t.ok(wrong.some(one => /^trade \d+ has 0 transfers:$/.test(one)))
  t.ok(wrong.some(one => /^\d+ settled, not 300$/.test(one)))
})

t.test('the control: claims that nothing locks settle twice', async t => {
  const db = await testDatabase(t)
  await openSettling(db)
  await db.query(`
    create schema careless;
    create table careless.copies (like settlement.pending_instructions including all);
    create function careless.claim(p_limit int) returns bigint[] language sql as $$
      with claimed as materialized (
        select i.* from settlement.pending_instructions as i
        order by i.instruction_id limit p_limit
      ), copied as (
        insert into careless.copies select * from claimed on conflict do nothing
      )
      select coalesce(array_agg(c.instruction_id), '{}') from claimed as c
    $$;
    create function careless.settle(p_ids bigint[]) returns int language sql as $$
      select settlement.settle_instructions(1, clock_timestamp(), p_ids);
      delete from settlement.pending_instructions as i
      where i.instruction_id = any (p_ids);
      select 1;
    $$`)
  await mutateFunction(db, 'settlement.settle_instructions', [
    ['settlement.pending_instructions', 'careless.copies'],
    ['    for update of i\n', ''],
  ])
  await mutateFunction(db, 'settlement.settle_claimed', [
    [
      'delete from settlement.pending_instructions as i\n    using',
      'select i.*\n    from careless.copies as i,',
    ],
    ['    returning i.*\n', ''],
  ])

  const { wrong } = await runFault(db, db.url, kill, careless)

  t.match(wrong[0], /^trade \d+ has \d+ transfers: DELIVERY DELIVERY/)
})
