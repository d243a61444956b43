import t from 'tap'
import { settle } from '../helpers/market.ts'
import { bust, bustMarket, faults, monday, trade } from '../settlement/bust-market.ts'

const evening = '2026-03-02T20:00:00Z'

t.test('a busted trade makes no lot, and what took its place does [MAT-097]', async t => {
  const traders = { alice: { USD: '10000' }, bob: { BTC: '10', USD: '1000' } }
  const db = await bustMarket(t, traders, { maker_rate: '0', taker_rate: '0' })
  const first = await trade(db, '100')
  const second = await trade(db, '110')
  await settle(db, { now: monday })
  await trade(db, '150', '2', { seller: 'alice', buyer: 'bob' })
  const gains = async () =>
    (await db.query("select gain from lots('alice') where closed_at is not null")).map(
      lot => lot.gain,
    )
  t.same(await gains(), ['50', '40'])

  const other = await bust(db, second, '120')
  t.same(await gains(), ['50', '30'])
  await bust(db, first)
  t.same(await gains(), ['30'], 'the other half is short')
  await settle(db, { now: monday })

  const [period] = await db.query("select ops.close_period($1, 'ann', 1, $1) as no", [evening])
  const busts =
    "select line from day_pack($1) where section = 'BUST' order by split_part(line, ',', 2)::int"
  t.match(await db.query(busts, [period?.no]), [
    { line: new RegExp(`^BTC-USD,\\d+,${second},${other}$`) },
    { line: new RegExp(`^BTC-USD,\\d+,${first},$`) },
  ])
  t.same(await faults(db), [])
})
