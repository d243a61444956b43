import t from 'tap'
import { audit, type Queryable } from '../helpers/market.ts'
import { claim, letGo, outsideVenue, report } from '../helpers/outside.ts'
import { openSession } from '../helpers/session.ts'

/** Legs of every kind: 1 is confirmed, 2 voided, 3 put aside, 4 sent, 5 reserved. */
async function sendSome(app: Queryable, worker: Queryable): Promise<void> {
  for (const key of ['1', '2', '3', '4', '5']) await letGo(app, { key, amount: key })
  const [one, two, three] = await claim(worker, { limit: 4 })
  if (!one || !two || !three) throw new Error('too few were claimed')
  await report(worker, one, 'CONFIRMED')
  await report(worker, two, 'VOIDED')
  await report(worker, three, 'REFUSED')
}

const withdrawal = (set: string, id: number) =>
  `update ledger.withdrawals set ${set} where withdrawal_id = ${id}`
const leg = (set: string, id: number) =>
  `update settlement.outside_legs set ${set} where leg_id = ${id}`
const again = 'worker = null, leased_until = null, ended_at = null, ended_by = null'

/** Each as the owner of the tables might do by mistake: what audit() must then name, and where. */
const corruptions: [what: string, statement: string, name: string, key: string][] = [
  ['a leg lost', 'delete from settlement.outside_legs where leg_id = 4', 'outside leg', '4'],
  [
    'a hold whose leg is lost',
    'delete from settlement.outside_legs where leg_id = 4',
    'balance held',
    'alice USD',
  ],
  [
    'a leg that begins anew although it is posted',
    leg(`status = 'SENT', next_attempt_at = now(), ${again}`, 1),
    'outside leg',
    '1',
  ],
  [
    'a confirmation that posted nothing',
    leg(`status = 'CONFIRMED', next_attempt_at = null, ended_at = now(), ended_by = 'x'`, 3),
    'outside leg',
    '3',
  ],
  ['a leg that was voided and says it was not', leg("status = 'CONFIRMED'", 2), 'outside leg', '2'],
  [
    'an approval that is forgotten',
    withdrawal('approved_by = null, approved_at = null', 5),
    'outside leg',
    '5',
  ],
  [
    'a withdrawal that was posted by another way',
    withdrawal("status = 'POSTED', decided_by = 'x', decided_at = now(), journal_id = 0", 4),
    'outside leg',
    '4',
  ],
  ['another time', leg("ended_at = ended_at + interval '1 second'", 1), 'outside leg ended', '1'],
  ['a token that no claim gave', leg('token = token + 1', 4), 'outside leg tokens', '4'],
]

t.test('audit() names each corruption of an outside leg, and nothing else', async t => {
  const { db, app, worker } = await outsideVenue(t)
  await sendSome(app, worker)
  const owner = await openSession(t, db.url)
  t.same(await audit(owner), [], 'healthy')
  t.match(await owner.query('select status from v_outside_legs'), [
    { status: 'FAILED' },
    { status: 'SENT' },
    { status: 'RESERVED' },
    { status: 'CONFIRMED' },
    { status: 'VOIDED' },
  ])

  for (const [what, statement, name, key] of corruptions) {
    await owner.query('begin')
    const { length: hit } = await owner.query(`${statement} returning 1`)
    const found = await audit(owner)
    await owner.query('rollback')

    const named = found.filter(row => row.check_name === name && row.key === key)
    t.ok(hit > 0 && named.length > 0, `${what}: ${name}`, { found })
  }
  t.same(await audit(owner), [])
})
