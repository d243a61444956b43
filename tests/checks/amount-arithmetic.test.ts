import t from 'tap'
import { checkAmountArithmetic } from './amount-arithmetic.ts'

const messages = (text: string, path = 'app/orders.ts') =>
  checkAmountArithmetic({ path, text }).map(v => v.message)

t.test('no operator is used on what is called an amount', async t => {
  for (const operator of ['+', '-', '*', '/', '%', '**', '<', '<=', '>', '>=']) {
    t.equal(messages(`const a = price ${operator} 2\n`).length, 1, operator)
  }
  t.equal(messages('const a = 1 - order.filledQuantity\n').length, 1)
  t.equal(messages("const a = row['maker_fee'] * rate\n").length, 1)
  t.equal(messages('total += trade.amount\n').length, 1)
  t.equal(messages('const a = -(balance)\n').length, 1)
  t.equal(messages('const a = +price\n').length, 1)
  t.equal(messages('quantity++\n').length, 1)
})

t.test('no amount is made a number', async t => {
  t.equal(messages('const a = Number(order.price)\n').length, 1)
  t.equal(messages('const a = parseFloat(quantity)\n').length, 1)
  t.equal(messages('const a = Number.parseFloat(fee)\n').length, 1)
  t.equal(messages('const a = Math.round(amount)\n').length, 1)
  t.equal(messages('const a = price.toNumber()\n').length, 1)
  t.equal(messages("const a = Number(price ?? '0')\n").length, 1)
})

t.test('counts, Decimal, equality and other rooms are fine', async t => {
  const fine = [
    'const a = new Decimal(price).times(quantity)',
    'const b = prices.length + 1',
    "const c = price === '0' || !fee",
    'const d = attempts * delayMs',
    "const e = [price, quantity].join(' x ')",
    "const f = Number(text) + parseInt('1', 10)",
  ]
  t.same(messages(fine.join('\n')), [])
  t.same(messages('const a = price * 2\n', 'tests/naive-book.ts'), [])
  t.equal(messages('const a = price * 2\n', 'workers/demo/trader.ts').length, 1)
})
