import { Problem } from '../errors.ts'

/** What a stream is about. Symbols by name; orders of everybody, or of some participants. */
export interface Topics {
  readonly trades: ReadonlySet<string>
  readonly book: ReadonlySet<string>
  readonly ticker: boolean
  readonly settlements: boolean
  readonly orders: 'ALL' | ReadonlySet<string> | undefined
}

const mostTopics = 200
const nameShape = /^[A-Za-z0-9._:-]{1,64}$/

/** Reads `trades:BTC-USD,book:BTC-USD,ticker,settlements,orders:client-A`. */
export function parseTopics(text: string | undefined): Topics {
  const trades = new Set<string>()
  const book = new Set<string>()
  const clients = new Set<string>()
  const plain = new Set<string>()
  const topics = (text ?? '').split(',').filter(topic => topic !== '')
  if (topics.length === 0) throw wrong('topics is missing: say, for example, topics=ticker')
  if (topics.length > mostTopics) throw wrong(`topics has more than ${mostTopics} entries`)
  for (const topic of topics) {
    const [kind = '', ...names] = topic.split(':')
    const name = names.join(':')
    if (names.length > 0 && !nameShape.test(name)) throw unknown(topic)
    if (kind === 'trades' && name) trades.add(name.toUpperCase())
    else if (kind === 'book' && name) book.add(name.toUpperCase())
    else if (kind === 'orders' && name) clients.add(name)
    else if (['ticker', 'settlements', 'orders'].includes(kind) && !name) plain.add(kind)
    else throw unknown(topic)
  }
  const some = clients.size > 0 ? clients : undefined
  return {
    trades,
    book,
    ticker: plain.has('ticker'),
    settlements: plain.has('settlements'),
    orders: plain.has('orders') ? 'ALL' : some,
  }
}

function unknown(topic: string): Problem {
  const known = 'trades:SYMBOL, book:SYMBOL, ticker, settlements, orders, orders:CLIENT'
  return wrong(`${topic.slice(0, 80)} is not one of ${known}`)
}

function wrong(detail: string): Problem {
  return new Problem(400, 'BAD_TOPIC', detail, { field: 'topics' })
}
