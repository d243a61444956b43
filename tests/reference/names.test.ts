import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { createMarket, noon } from '../helpers/market.ts'

t.test('what nobody has is refused by a name of its own', async t => {
  const db = await testDatabase(t)
  await createMarket(db, { traders: { alice: {} } })

  const refused: [call: string, code: string, hint: string][] = [
    ["reference.get_symbol(1, 'XAU-USD')", 'NFSYM', 'UNKNOWN_SYMBOL'],
    ["reference.get_symbol(2, 'BTC-USD')", 'NFSYM', 'UNKNOWN_SYMBOL'],
    ['reference.get_symbol(1, null)', 'NFSYM', 'UNKNOWN_SYMBOL'],
    ["reference.get_participant('ALICE')", 'NFPAR', 'UNKNOWN_PARTICIPANT'],
    ['reference.get_participant(null)', 'NFPAR', 'UNKNOWN_PARTICIPANT'],
    ["reference.get_asset('XAU')", 'NFAST', 'UNKNOWN_ASSET'],
  ]
  for (const [call, code, hint] of refused) {
    await t.rejects(db.query(`select ${call}`), { code, hint }, call)
  }
  t.match(await db.query("select * from reference.get_symbol(1, 'btc-usd')"), [
    { symbol: 'BTC-USD' },
  ])
  t.match(await db.query("select * from reference.get_asset('btc')"), [{ asset: 'BTC' }])
})

t.test('a participant and an asset are made once, and by a code', async t => {
  const db = await testDatabase(t)
  const participant = (code: string | null) =>
    db.query('select * from api.create_participant(1, $1, null, $2)', [code, noon])
  const asset = (code: string, decimals: number) =>
    db.query('select * from api.create_asset(1, $1, $2, $3)', [code, decimals, noon])

  t.match(await participant('zoe.1'), [{ client_id: 'zoe.1', name: 'zoe.1', kind: 'CUSTOMER' }])
  t.match(await asset('xau', 2), [{ asset: 'XAU', decimals: 2 }])

  await t.rejects(participant('zoe.1'), { code: 'STPAR', hint: 'PARTICIPANT_EXISTS' })
  await t.rejects(participant('external'), { code: 'STPAR' })
  for (const code of ['', 'a b', "a'; drop table x; --", 'ä', 'a'.repeat(65)]) {
    await t.rejects(participant(code), { code: '23514', constraint: 'client_id_is_a_code' }, code)
  }
  await t.rejects(participant(null), { code: '23502' })
  await t.rejects(asset('XAU', 2), { code: 'STAST', hint: 'ASSET_EXISTS' })
  await t.rejects(asset('X-U', 2), { code: '23514', constraint: 'asset_is_a_code' })
  await t.rejects(asset('BIG', 19), { code: '23514', constraint: 'decimals_between_0_and_18' })
})

t.test('the house, the world outside and the clearing account are where the code says', async t => {
  const db = await testDatabase(t)

  const rows =
    await db.query(`select client_id, kind, participant_id = reference.house_id() as house,
    participant_id = reference.external_id() as external,
    participant_id = reference.clearing_id() as clearing from reference.participants order by 1`)

  t.strictSame(rows, [
    { client_id: 'clearing', kind: 'CLEARING', house: false, external: false, clearing: true },
    { client_id: 'external', kind: 'EXTERNAL', house: false, external: true, clearing: false },
    { client_id: 'house', kind: 'HOUSE', house: true, external: false, clearing: false },
  ])
})

t.test('a unit is 10 to the minus decimals, exactly', async t => {
  const db = await testDatabase(t)

  const [row] = await db.query(`select array(select reference.asset_unit(n)::text
    from unnest(array[0, 2, 8, 18]) as n) as units`)

  t.strictSame(row?.units, ['1', '0.01', '0.00000001', '0.000000000000000001'])
})

t.test('domains take numbers only, within their bounds', async t => {
  const db = await testDatabase(t)
  const outside: Record<string, string[]> = {
    'reference.price': ['0', '-1', 'NaN', 'Infinity', '1e-19'],
    'reference.quantity': ['-1', 'NaN', 'Infinity', '-Infinity', '1e-19'],
    'reference.rate': ['1', '-1', 'NaN', 'Infinity'],
    'ledger.amount': ['NaN', 'Infinity', '-Infinity', '1e-19'],
  }

  for (const [domain, values] of Object.entries(outside)) {
    for (const value of values) {
      await t.rejects(db.query(`select $1::${domain}`, [value]), { code: '23514' }, domain + value)
    }
    await t.resolves(db.query(`select '0.000000000000000001'::${domain}, null::${domain}`), domain)
  }
})
