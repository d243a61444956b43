import t from 'tap'
import { fingerprint } from '../app/fingerprint.ts'
import { audit, settle } from '../helpers/market.ts'
import { openSession } from '../helpers/session.ts'
import { ask, bust, bustMarket, faults, monday, trade } from '../settlement/bust-market.ts'

t.test('[BST-001] what is no bust is refused, with its code, and changes nothing', async t => {
  const db = await bustMarket(t)
  const id = await trade(db)
  await settle(db, { now: monday })
  const asked = await ask(db, id)
  const other = await trade(db)
  const before = await fingerprint(db)
  const refusals: [call: string, code: string][] = [
    ["bust_trade(1000000000099, 'why', 'ann')", 'NFTRD'],
    ["bust_trade(null, 'why', 'ann')", 'NFTRD'],
    [`bust_trade(${other}, ' ', 'ann')`, 'IVRSN'],
    [`bust_trade(${other}, null, 'ann')`, 'IVRSN'],
    [`bust_trade(${other}, '${'x'.repeat(501)}', 'ann')`, 'IVRSN'],
    [`bust_trade(${other}, 'why', 'no name')`, 'IVOPR'],
    [`bust_trade(${other}, 'why', null)`, 'IVOPR'],
    [`bust_trade(${other}, 'why', 'ann', 2)`, 'NFTRD'],
    [`bust_trade(${id}, 'again', 'ann')`, 'STBST'],
    [`correct_trade(${id}, 900, 'again', 'carl')`, 'STBST'],
    ...['0.001', '-1', '0', 'null', "'NaN'", "'Infinity'"].map((price): [string, string] => [
      `correct_trade(${other}, ${price}, 'why', 'ann')`,
      'RJTCK',
    ]),
    [`correct_trade(${other}, 1000.00, 'why', 'ann')`, 'IVPRC'],
    [`approve_bust(${asked}, 'ann')`, 'RJSLF'],
    [`approve_bust(${asked}, 'ANN')`, 'RJSLF'],
    [`approve_bust(${asked}, '')`, 'IVOPR'],
    ["approve_bust(99, 'bea')", 'NFBST'],
    ["reject_bust(99, 'bea', 'why')", 'NFBST'],
    [`reject_bust(${asked}, 'bea', '')`, 'IVRSN'],
  ]
  for (const [call, code] of refusals)
    await t.rejects(db.query(`select ops.${call}`), { code }, call)
  const session = await openSession(t, db.url)
  await session.query('begin isolation level repeatable read')
  await t.rejects(session.query(`select ops.approve_bust(${asked}, 'bea')`), { code: 'STISO' })
  await session.query('rollback')
  t.same(await fingerprint(db), before)

  await t.resolves(db.query('select ops.approve_bust($1, $2, 1, $3)', [asked, 'bea', monday]))
  await t.resolves(db.query("select ops.approve_bust($1, 'Bea')", [asked]), 'the same word again')
  await t.rejects(db.query("select ops.approve_bust($1, 'carl')", [asked]), { code: 'STBST' })
  await t.rejects(db.query("select ops.reject_bust($1, 'bea', 'no')", [asked]), { code: 'STBST' })
  t.same(await db.query("select count(*)::int as n from events where kind = 'BUST'"), [{ n: 1 }])
  t.same(await faults(db), [])
})

t.test('[BST-001] what is rejected stands, and can be asked for again', async t => {
  const db = await bustMarket(t)
  const id = await trade(db)
  const asked = await ask(db, id, '900')
  await db.query("select ops.reject_bust($1, 'ann', 'it was right', 1, $2)", [asked, monday])
  await t.rejects(db.query("select ops.approve_bust($1, 'bea')", [asked]), { code: 'STBST' })
  t.same(await faults(db), [])

  await bust(db, id)

  const rows = await db.query(
    `select trade_id, status, new_price::text, decided_by, reversal_id
    from v_busts order by bust_id`,
  )
  t.same(rows, [
    { trade_id: id, status: 'REJECTED', new_price: '900', decided_by: 'ann', reversal_id: null },
    { trade_id: id, status: 'DONE', new_price: null, decided_by: 'bea', reversal_id: null },
  ])
  t.same(await faults(db), [])
})

t.test('operators bust, and workers settle what waited, as their own roles', async t => {
  const db = await bustMarket(t, { alice: { USD: '1002' }, bob: { BTC: '1' } })
  const id = await trade(db)
  await settle(db, { now: monday })
  const operator = await openSession(t, db.url)
  await operator.query('set role pgsettle_operator')
  await operator.query('select 1 from v_busts')
  const [row] = await operator.query("select correct_trade($1, 1100, 'why', 'ann') as id", [id])
  await operator.query("select approve_bust($1, 'bea', 1, $2)", [row?.id, monday])
  await db.query("select api.deposit(1, 'alice', 'USD', 100.2, 'k', $1)", [monday])

  const worker = await openSession(t, db.workerUrl)
  t.match(await worker.query('select * from settlement.settle_waiting(1, $1, 10)', [monday]), [
    { claimed: 2, settled: 2, put_aside: 0 },
  ])
  t.same(await faults(db), [])
})

/** Each as the owner of the tables might do by mistake: what audit() must then name. */
const corruptions: [what: string, statement: string, check: string][] = [
  ['a bust that is not told', "delete from matching.events where kind = 'BUST'", 'bust event'],
  [
    'another trade named',
    "update matching.events set trade_id = 1 where kind = 'BUST'",
    'bust event',
  ],
  ['a bust that nobody decided', 'delete from matching.trade_busts', 'bust event'],
  [
    'a correction to another price',
    'update matching.trade_busts set new_price = 5 where new_price is not null',
    'bust event',
  ],
  ['a reversal lost', 'delete from settlement.reversals', 'bust reversal'],
  [
    'a reversal of another amount',
    'update settlement.settled_instructions set notional = 1 where instruction_id < 1000',
    'bust reversal',
  ],
  [
    'a transfer that names another',
    "update ledger.transfers set instruction_id = 7 where kind = 'REVERSAL'",
    'settlement transfers',
  ],
  [
    'a busted trade that is still to settle',
    `insert into settlement.pending_instructions
    select segment_id, instruction_id, symbol_id, buyer_id, seller_id, base_asset_id,
      quote_asset_id, quantity, notional, buyer_fee, seller_fee, value_date, attempts, created_at
    from settlement.cancelled_instructions limit 1`,
    'busted trade to settle',
  ],
]

t.test('audit() names what is wrong with a bust', async t => {
  for (const [what, statement, check] of corruptions) {
    const db = await bustMarket(t)
    const settled = await trade(db)
    await settle(db, { now: monday })
    await bust(db, settled)
    await bust(db, await trade(db), '900')
    t.same(await audit(db), [])

    await db.query(statement)

    const found = await audit(db)
    t.ok(
      found.some(row => row.check_name === check),
      what,
      { found },
    )
  }
})

t.test(
  '[BST-002] the command log gives the same with busts between batches, and finds a forged one',
  async t => {
    const db = await bustMarket(t)
    const first = await trade(db)
    await bust(db, first)
    const second = await trade(db, '1010', '2')
    await bust(db, second, '1020')
    await trade(db, '1005', '1')
    t.same(await faults(db), [])

    await db.query('update trades set maker_fee = 9 where price = 1020')
    t.match(await db.query("select * from verify_replay('BTC-USD')"), [
      { what: 'trade', kept: { maker_fee: 9 }, replayed: { maker_fee: 2.04 } },
    ])
    await db.query('update trades set maker_fee = 2.04 where price = 1020')
    await db.query("update events set reason = 'forged' where kind = 'BUST' and trade_id = $1", [
      first,
    ])
    t.match(await db.query("select * from verify_replay('BTC-USD')"), [
      { what: 'event', kept: { reason: 'forged' }, replayed: { reason: 'a mistake' } },
    ])
  },
)
