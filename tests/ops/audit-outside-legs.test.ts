import t from 'tap'
import { audit, noon } from '../helpers/market.ts'
import { claim, letGo, type OutsideVenue, outsideVenue, report } from '../helpers/outside.ts'
import { openSession } from '../helpers/session.ts'

/** Legs 1 to 5 of withdrawals: confirmed, voided, put aside, sent, reserved; 6 of a payment. */
async function sendSome({ app, worker, operator }: OutsideVenue): Promise<void> {
  for (const key of ['1', '2', '3', '4', '5']) await letGo(app, { key, amount: key })
  const [one, two, three] = await claim(worker, { limit: 4 })
  if (!one || !two || !three) throw new Error('too few were claimed')
  await report(worker, one, 'CONFIRMED')
  await report(worker, two, 'VOIDED')
  await report(worker, three, 'REFUSED')
  const text =
    "select instruct_outside('BTC-USD', 'alice', 'bob', 0.5, 10, 'PAYMENT', 'ann', 1, $1)"
  await operator.query(text, [noon])
}

const withdrawal = (set: string, id: number) =>
  `update ledger.withdrawals set ${set} where withdrawal_id = ${id}`
const leg = (set: string, id: number) =>
  `update settlement.outside_legs set ${set} where leg_id = ${id}`
const again = 'worker = null, leased_until = null, ended_at = null, ended_by = null'

/** Each as the owner of the tables might do by mistake: what audit() must then name, and where. */
const corruptions: [what: string, statement: string, name: string, key: string][] = [
  [
    'a leg lost',
    'delete from settlement.outside_legs where leg_id = 4',
    'outside leg',
    'WITHDRAWAL 4',
  ],
  [
    'an instruction’s leg lost',
    'delete from settlement.outside_legs where leg_id = 6',
    'outside leg',
    'INSTRUCTION 1',
  ],
  [
    'an instruction that waits for something else',
    "update settlement.waiting_instructions set reason = 'LACK_CASH'",
    'outside leg',
    '6',
  ],
  [
    'an instruction that settles twice',
    leg(`status = 'CONFIRMED', next_attempt_at = null, ended_at = now(), ended_by = 'x'`, 6),
    'outside leg',
    '6',
  ],
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
  ['another time', leg("ended_at = ended_at + interval '1 second'", 1), 'outside leg', '1'],
  ['a token that no claim gave', leg('token = token + 1', 4), 'outside leg tokens', '4'],
]

t.test('audit() names each corruption of an outside leg, and nothing else', async t => {
  const venue = await outsideVenue(t)
  const { db } = venue
  await sendSome(venue)
  const owner = await openSession(t, db.url)
  t.same(await audit(owner), [], 'healthy')
  t.match(await owner.query('select status, kind from v_outside_legs'), [
    { status: 'FAILED' },
    { status: 'SENT' },
    { status: 'RESERVED' },
    { status: 'RESERVED', kind: 'PAYMENT' },
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
