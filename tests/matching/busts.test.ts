import { buy, noon, sell } from '../helpers/market.ts'
import { type Market, marketTest } from './market-test.ts'

const id = (client_order_id: string, more = {}) => ({ client_order_id, ...more })
const exit = { list_no: 1, list_role: 'EXIT' }
const entry = { list_no: 1, list_role: 'ENTRY' }

async function bustLast({ db }: Market): Promise<void> {
  const [row] = await db.query(
    `select ops.bust_trade(t.trade_id, 'why', 'ann', 1, $1) as id
    from matching.trades as t order by t.seq desc limit 1`,
    [noon],
  )
  await db.query("select ops.approve_bust($1, 'bea', 1, $2)", [row?.id, noon])
}

const replay = ({ db }: Market) => db.query("select * from ops.verify_replay('BTC-USD')")

marketTest(
  '[BST-002] exits of a purchase that is busted are refused: nothing more is to come',
  { funds: { carol: { USD: '1000' } } },
  async (t, m) => {
    await m.run([
      buy('carol', '2', '100', id('entry', entry)),
      sell('carol', '2', '110', id('profit', exit)),
      sell('bob', '2', '100'),
    ])

    await bustLast(m)
    await m.db.query('select matching.sweep_symbol(1, 1, $1)', [noon])

    t.match(await m.order('entry'), { status: 'FILLED', filled_quantity: '2' })
    t.match(await m.order('profit'), { status: 'REJECTED', refusal: 'INSUFFICIENT_FUNDS' })
    t.match(await m.balances('carol'), { BTC: '0 0 0 0', USD: '1000 0 0 0' })
    t.same(await replay(m), [])
  },
)

marketTest(
  '[BST-002] what rests goes on as it was: its hold, its place, the fees of its next fills',
  { funds: { carol: { USD: '1000' } } },
  async (t, m) => {
    await m.run([buy('carol', '5', '100', id('bid')), sell('bob', '2', '100')])
    t.match(await m.balances('carol'), { BTC: '0 0 2 0', USD: '499.2 500.8 0 200.2' })

    await bustLast(m)

    t.match(await m.order('bid'), { status: 'PARTIALLY_FILLED', remaining_quantity: '3' })
    t.match(await m.balances('carol'), { BTC: '0 0 0 0', USD: '699.4 300.6 0 0' })
    await m.run([sell('bob', '3', '100')])
    t.match(await m.order('bid'), { status: 'FILLED', filled_quantity: '5', fee_amount: '0.5' })
    t.match(await m.balances('carol'), { BTC: '0 0 3 0', USD: '699.7 300.3 0 300.3' })
    t.same(await replay(m), [])
  },
)

marketTest(
  '[BST-002] a position is what is left of it: what was busted may be bought again',
  { funds: { carol: { USD: '1000' } }, symbol: { max_position: '2' } },
  async (t, m) => {
    await m.run([sell('bob', '4', '100'), buy('carol', '2', '100')])
    t.match(await m.run([buy('carol', '1', '100')]), [{ error_code: 'MAX_POSITION' }])

    await bustLast(m)
    await m.run([buy('carol', '2', '100', id('again'))])

    t.match(await m.order('again'), { status: 'FILLED' })
    t.same(await replay(m), [])
  },
)
