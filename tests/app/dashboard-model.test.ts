import t from 'tap'

/** The parts of the dashboard that need no browser: amounts, book, tape and rates. */

type Level = { price: string; quantity: string; orders: number; total?: string }
type Book = { seq: number; BUY: { levels: Level[] }; SELL: { levels: Level[] } }
type Change = [seq: number, side: string, price: string, quantity: string, orders: number]
type Trade = { seq: number; price: string; ms: number }

type Amounts = {
  add: (a: string, b: string) => string
  subtract: (a: string, b: string) => string
  multiply: (a: string, b: string) => string
  compare: (a: string, b: string) => number
  middle: (a: string, b: string) => string
  percent: (part: string, whole: string, decimals?: number) => string | null
  show: (text: string, decimals?: number) => string
  isPositive: (text: string) => boolean
}
type Books = {
  bookFrom: (snapshot: object, depth: number) => Book
  applyChanges: (book: Book, message: object, mayCross?: boolean) => string
  runsShort: (book: Book, shown: number) => boolean
  ladder: (book: Book, side: string, count: number) => Level[]
}
type Tapes = {
  tradeFrom: (raw: object) => Trade
  bust: (tape: Trade[], tradeId: string) => void
  extend: (tape: Trade[], arrived: Trade[]) => void
  columns: (tape: Trade[], span: number, now: number) => { exact: string[]; counts: number[] }
}
type Rates = {
  count: (name: string, amount?: number) => void
  rate: (name: string) => number
  series: (name: string, length: number) => number[]
}

const module = (name: string) =>
  import(new URL(`../../app/dashboard/${name}`, import.meta.url).pathname)
const amounts: Amounts = await module('amounts.js')
const books: Books = await module('book.js')
const tapes: Tapes = await module('tape.js')
const { createRates }: { createRates: (clock: () => number) => Rates } = await module('rates.js')

void t.test('amounts are added, multiplied and compared to the last digit', async t => {
  t.equal(amounts.add('0.1', '0.2'), '0.3')
  t.equal(
    amounts.add('9007199254740993.000000000000000001', '0.5'),
    '9007199254740993.500000000000000001',
  )
  t.equal(amounts.subtract('0.3', '0.30'), '0')
  t.equal(amounts.subtract('1', '1.25'), '-0.25')
  t.equal(amounts.multiply('0.1', '0.2'), '0.02')
  t.equal(amounts.multiply('-3', '1.5'), '-4.5')
  t.equal(amounts.middle('50000.01', '50000.02'), '50000.015')
  t.equal(amounts.compare('10.0', '9.99999999999999999999'), 1)
  t.equal(amounts.compare('1.50', '1.5'), 0)
  t.throws(() => amounts.add('1e5', '1'), RangeError)
})

void t.test('a percentage is rounded half away from zero', async t => {
  t.equal(amounts.percent('1', '3'), '33.33')
  t.equal(amounts.percent('-1', '8', 1), '-12.5')
  t.equal(amounts.percent('1', '800', 2), '0.13')
  t.equal(amounts.percent('-1', '800', 2), '-0.13')
  t.equal(amounts.percent('1', '0'), null)
})

void t.test('an amount is shown with every digit and never rounded', async t => {
  t.equal(amounts.show('1234567.125', 2), '1,234,567.125')
  t.equal(amounts.show('50000', 2), '50,000.00')
  t.equal(amounts.show('-1000.10'), '−1,000.1')
  t.equal(amounts.show('123'), '123')
})

void t.test('only a plain decimal above zero counts as positive', async t => {
  for (const text of ['1', '0.0001', '10.']) t.ok(amounts.isPositive(text), text)
  for (const text of ['', '0', '-1', 'NaN', '1e5', '0x1', '1,5'])
    t.notOk(amounts.isPositive(text), text)
})

const snapshot = {
  symbol: 'BTC-USD',
  seq: '10',
  bids: [
    ['100', '1', 1],
    ['99', '2', 2],
  ],
  asks: [
    ['101', '0.5', 1],
    ['102', '3', 1],
  ],
}

function changes(first: number, last: number, ...list: Change[]) {
  return { symbol: 'BTC-USD', first_seq: first, last_seq: last, changes: list }
}

void t.test('only changes behind the snapshot change the book', async t => {
  const book = books.bookFrom(snapshot, 20)

  t.equal(books.applyChanges(book, changes(9, 10, [10, 'BUY', '100', '5', 1])), 'stale')
  const both = changes(10, 12, [10, 'BUY', '100', '5', 1], [12, 'SELL', '101', '-0.2', 0])
  t.equal(books.applyChanges(book, both), 'applied')

  t.equal(book.seq, 12)
  t.same(book.BUY.levels[0], { price: '100', quantity: '1', orders: 1 })
  t.same(book.SELL.levels[0], { price: '101', quantity: '0.3', orders: 1 })
})

void t.test('levels come and go at their place, best first', async t => {
  const book = books.bookFrom(snapshot, 20)

  books.applyChanges(book, changes(11, 11, [11, 'BUY', '100.5', '4', 1]))
  books.applyChanges(book, changes(12, 12, [12, 'BUY', '99.5', '4', 1]))
  books.applyChanges(book, changes(13, 13, [13, 'BUY', '100', '-1', -1]))
  books.applyChanges(book, changes(14, 14, [14, 'SELL', '101.25', '1', 1]))

  t.same(
    book.BUY.levels.map(level => level.price),
    ['100.5', '99.5', '99'],
  )
  t.same(
    books.ladder(book, 'SELL', 3).map(level => level.total),
    ['0.5', '1.5', '4.5'],
  )
})

void t.test(
  'a missed message, a level below zero and a crossed book ask for a snapshot',
  async t => {
    const fresh = () => books.bookFrom(snapshot, 20)

    t.equal(books.applyChanges(fresh(), changes(12, 12, [12, 'BUY', '98', '1', 1])), 'broken')
    t.equal(books.applyChanges(fresh(), changes(11, 11, [11, 'BUY', '99', '-3', -1])), 'broken')
    t.equal(books.applyChanges(fresh(), changes(11, 11, [11, 'BUY', '98', '-3', -1])), 'broken')
    t.equal(books.applyChanges(fresh(), changes(11, 11, [11, 'BUY', '101', '1', 1])), 'broken')
  },
)

void t.test('in an auction bids may stand above asks, and nothing else may be wrong', async t => {
  const crossing = changes(11, 11, [11, 'BUY', '101', '1', 1])

  t.equal(books.applyChanges(books.bookFrom(snapshot, 20), crossing, true), 'applied')
  const negative = changes(11, 11, [11, 'BUY', '99', '-3', -1])
  t.equal(books.applyChanges(books.bookFrom(snapshot, 20), negative, true), 'broken')
})

void t.test('behind the depth of the snapshot nothing is believed', async t => {
  const book = books.bookFrom(snapshot, 2)

  t.equal(books.applyChanges(book, changes(11, 11, [11, 'BUY', '98', '7', 1])), 'applied')
  t.same(
    book.BUY.levels.map(level => level.price),
    ['100', '99'],
  )
  t.notOk(books.runsShort(book, 2))

  books.applyChanges(book, changes(12, 12, [12, 'BUY', '100', '-1', -1]))
  t.ok(books.runsShort(book, 2), 'the levels that are left do not fill the page')
})

const trade = (seq: number, price: string, at = `2026-01-01T00:00:${10 + seq}Z`) =>
  tapes.tradeFrom({ trade_id: `t${seq}`, seq: String(seq), price, quantity: '1', at })

void t.test('the tape takes each trade once and keeps the order of seq', async t => {
  const tape: Trade[] = []

  tapes.extend(tape, [trade(1, '10'), trade(2, '11')])
  tapes.extend(tape, [trade(5, '12')])
  tapes.extend(tape, [trade(2, '11'), trade(4, '13'), trade(5, '12'), trade(6, '14')])

  t.same(
    tape.map(one => one.seq),
    [1, 2, 4, 5, 6],
  )
})

void t.test('the chart enters with the last price before its window and ends now', async t => {
  const tape = [trade(1, '10'), trade(2, '11'), trade(40, '12.50'), trade(40.5, '13')]
  const now = Date.parse('2026-01-01T00:01:10Z')

  const { exact, counts } = tapes.columns(tape, 30, now)

  t.same(exact, ['11', '13', '13'])
  t.same(counts, [0, 2, 0])
})

void t.test('what is busted stays on the tape, and a correction stands where it stood', async t => {
  const tape = [trade(1, '10'), trade(2, '11'), trade(3, '12')]
  const now = Date.parse('2026-01-01T00:00:20Z')
  const listed = { quantity: '1', at: '2026-01-01T00:00:12Z', taker_side: 'BUY' }
  const correction = { ...listed, trade_id: 't9', seq: 9, price: '13', corrects: 't2' }

  tapes.bust(tape, 't2')
  t.same(tapes.columns(tape, 0, now).counts, [1, 1, 0], 'not in the chart')
  tapes.extend(tape, [tapes.tradeFrom(correction)])
  tapes.extend(tape, [
    tapes.tradeFrom(correction),
    tapes.tradeFrom({ ...correction, busted: true }),
  ])
  tapes.extend(tape, [tapes.tradeFrom(correction)])

  t.match(tape, [{ price: '10' }, { trade_id: 't9', seq: 2, price: '13', corrects: 't2' }, {}])
  t.equal(tape.length, 3)
})

void t.test('a rate is the mean of the last full seconds', async t => {
  let now = 100_000
  const rates = createRates(() => now)

  rates.count('orders', 10)
  now += 1000
  t.equal(rates.rate('orders'), 10)
  now += 4000
  t.equal(rates.rate('orders'), 2)
  t.same(rates.series('orders', 6), [0, 10, 0, 0, 0, 0])
  now += 5000
  t.equal(rates.rate('orders'), 0)
})
