import t from 'tap'
import { fakeServer } from '../fake-database.ts'

const options = {
  default_stp: 'DECREMENT',
  allowed_stps: ['DECREMENT', 'CANCEL_BOTH'],
  protection_rests: true,
  collar_rate: '0.1',
  max_open_orders: 200,
  max_position: '1000',
  max_iceberg_parts: 50,
  min_trailing_bips: 10,
  max_trailing_bips: 2000,
  max_cascade: 7,
  band_rate: '0.05',
  band_action: 'EXPIRE',
  accept_when_closed: false,
}
const row = { symbol_id: 1, symbol: 'BTC-USD', status: 'ACTIVE', phase: 'CALL', ...options }

t.test('a symbol is shown with its phase and all that it allows', async t => {
  const { ask } = await fakeServer(t, ({ name }) => (name === 'symbols' ? [row] : undefined))

  const { symbol_id, ...shown } = row
  t.match((await ask('GET', '/symbols/BTC-USD')).body, shown)
  t.match((await ask('GET', '/symbols')).body, { items: [shown] })
  t.notOk('symbol_id' in (await ask('GET', '/symbols/BTC-USD')).body)
  t.equal(symbol_id, 1)
})

t.test('a symbol is created with what it is to allow', async t => {
  const { ask, asked } = await fakeServer(t, ({ name }) =>
    name === 'create_symbol' ? [row] : undefined,
  )
  const body = { symbol: 'btc-usd', tick_size: '0.01', lot_size: 0.001 }

  const { status } = await ask('POST', '/symbols', {
    ...body,
    ...options,
    default_stp: 'decrement',
    collar_rate: 0.1,
  })

  t.equal(status, 201)
  t.same(JSON.parse(String(asked[0]?.values[4])), options)
  await ask('POST', '/symbols', body)
  t.same(JSON.parse(String(asked[1]?.values[4])), {})
})

t.test('an option that cannot be is named', async t => {
  const { ask, asked } = await fakeServer(t)
  const wrong: [facts: object, field: string][] = [
    [{ default_stp: 'ALL' }, 'default_stp'],
    [{ allowed_stps: [] }, 'allowed_stps'],
    [{ allowed_stps: 'NONE' }, 'allowed_stps'],
    [{ allowed_stps: ['NONE', 'ALL'] }, 'allowed_stps.1'],
    [{ protection_rests: 'no' }, 'protection_rests'],
    [{ collar_rate: '0' }, 'collar_rate'],
    [{ max_open_orders: 0 }, 'max_open_orders'],
    [{ max_position: '-1' }, 'max_position'],
    [{ max_iceberg_parts: 1 }, 'max_iceberg_parts'],
    [{ min_trailing_bips: 10_000 }, 'min_trailing_bips'],
    [{ max_cascade: 0 }, 'max_cascade'],
    [{ band_action: 'HALT' }, 'band_action'],
    [{ accept_when_closed: 1 }, 'accept_when_closed'],
  ]

  for (const [facts, field] of wrong) {
    const reply = await ask('POST', '/symbols', {
      symbol: 'A-B',
      tick_size: '1',
      lot_size: '1',
      ...facts,
    })
    t.match(reply, { status: 400, body: { field } }, JSON.stringify(facts))
  }
  t.same(asked, [])
})
