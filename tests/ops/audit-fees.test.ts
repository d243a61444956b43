import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { buy, createMarket, execute, noon, type Queryable, sell } from '../helpers/market.ts'
import { type Corruption, plantEach } from './corruptions.ts'

const soon = '2026-03-02T12:00:01Z'
const later = '2026-03-02T12:00:02Z'

/** Alice has tiers of her own, and both sides of the book have traded before and since. */
async function trade(db: Queryable): Promise<void> {
  const funds = { USD: '100000', BTC: '100' }
  await createMarket(db, { traders: { alice: funds, bob: funds } })
  await execute(db, 'BTC-USD', [sell('bob', '1', '100'), buy('alice', '1', '100')])
  await execute(db, 'BTC-USD', [buy('alice', '5', '100')])
  await db.query("select ops.set_fees(0.003, 0.004, 'BTC-USD', p_now => $1)", [noon])
  const text =
    "select ops.set_fee_tiers('{{0, 0.005, 0.006}, {300, 0, 0.001}}', $1, $2, p_now => $3)"
  await db.query(text, ['BTC-USD', 'alice', noon])
  await execute(db, 'BTC-USD', [sell('bob', '3', '100'), sell('bob', '1', '100')], { now: soon })
  await execute(db, 'BTC-USD', [sell('alice', '1', '90'), buy('bob', '1', '90')], { now: later })
}

/** Each as the owner of the tables might do by mistake: what audit() must then name, and where. */
const corruptions: Corruption[] = [
  [
    'a rate that was not charged',
    trades('taker_rate = 0.005', 'seq = 5'),
    'fee by rates',
    /^1\d+4$/,
  ],
  ['a fee', trades('taker_fee = taker_fee + 1', 'seq = 5'), 'fee by rates', /^1\d+4$/],
  ['the row of another', trades('taker_fee_id = 2', 'seq = 5'), 'fee row', /5 TAKER$/],
  ['the row of no one', trades('maker_fee_id = null', 'seq = 5'), 'fee row', /5 MAKER$/],
  ['a row before its time', trades('maker_fee_id = 1', 'seq = 2'), 'fee row', /2 MAKER$/],
  [
    'a schedule from another time on',
    `update reference.fee_schedules set effective_from = '${later}' where schedule_id = 1`,
    'fee row',
    /5 TAKER$/,
  ],
  ['a volume', 'update matching.volumes set volume = volume + 1', 'fee volume', /^1 \d+ 2026-/],
  ['a volume lost', 'delete from matching.volumes', 'fee volume', /^1 \d+ 2026-03-02$/],
  ['a volume too many', volumeOf('2026-03-03'), 'fee volume', /^1 3 2026-03-03$/],
]

function trades(set: string, where: string): string {
  return `update matching.trades set ${set} where ${where}`
}

function volumeOf(day: string): string {
  return `insert into matching.volumes values (1, 1, 3, '${day}', 5)`
}

t.test('[LED-044] audit() names each corruption of fees, and nothing before or after', async t => {
  const db = await testDatabase(t)
  await trade(db)
  await plantEach(t, db, corruptions)
})

t.test('every check of fees is among those that are tried', async t => {
  const db = await testDatabase(t)

  const [row] = await db.query(`
    select array_agg(distinct m[1] order by m[1]) as names
    from pg_proc as p
    cross join regexp_matches(p.prosrc, '''(fee [a-z_ ]+)''', 'g') as m
    where p.pronamespace = 'ops'::regnamespace and p.proname ~ '^audit_'`)

  t.same(row?.names, [...new Set(corruptions.map(([, , name]) => name))].sort())
})
