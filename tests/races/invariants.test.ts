import { Writable } from 'node:stream'
import { pino } from 'pino'
import t from 'tap'
import { order, plainMarket, startServer } from '../app/test-server.ts'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit, buy, command, createMarket, execute, noon, sell } from '../helpers/market.ts'
import { mutateFunction } from '../helpers/mutation.ts'

const traders = {
  alice: { USD: '100000', BTC: '50' },
  bob: { USD: '100000', BTC: '50' },
}

/** A book with both sides, of which one has traded. */
async function stand(db: TestDatabase): Promise<void> {
  await createMarket(db, { traders })
  await execute(db, 'BTC-USD', [
    sell('bob', '2', '101'),
    buy('bob', '3', '99', { client_order_id: 'bid' }),
    sell('alice', '1', '99'),
  ])
}

/** All that a batch could have written. */
async function written(db: TestDatabase): Promise<unknown> {
  const tables = ['orders', 'order_keys', 'book', 'trades', 'events', 'symbol_state']
  const parts = tables.map(
    name => `(select json_agg(r order by r::text) from matching.${name} as r) as ${name}`,
  )
  const rest = `(select json_agg(a order by a::text) from ledger.accounts as a) as accounts,
    (select count(*) from settlement.pending_instructions) as instructions`
  return db.query(`select ${parts.join(', ')}, ${rest}`)
}

/** What is broken, in which function, and what then is said. */
const faults: [
  what: string,
  name: string,
  changes: [from: string, to: string][],
  message: RegExp,
][] = [
  [
    'a taker passes what it crosses',
    'matching.match_batch',
    [['exit when v_key > v_wall;', 'exit when v_key > v_wall or true;']],
    /the book of BTC-USD is crossed: 101(\.0+)? bid, 101(\.0+)? asked/,
  ],
  [
    'a trade moves more than its orders filled',
    'matching.match_batch',
    [['row(v_seq, v_last, v_q,', 'row(v_seq, v_last, v_q + 0.001,']],
    /the orders of BTC-USD filled 3\.0, its trades moved 3\.002/,
  ],
  [
    'a maker is filled by less than traded',
    'matching.match_batch',
    [['v_o.filled := v_o.filled + v_q;', 'v_o.filled := v_o.filled + v_q - 0.001;']],
    /a batch of BTC-USD breaks the rule open_is_not_cancelled/,
  ],
  [
    'an order that comes to rest holds too much',
    'matching.match_batch',
    [['v_hold := matching.order_hold(v_buy, -s', 'v_hold := 1 + matching.order_hold(v_buy, -s']],
    /order 1000000000006 does not hold what it needs/,
  ],
  [
    'a maker holds too much',
    'matching.match_batch',
    [['v_o.hold := v_hold; v_o.last_seq', 'v_o.hold := v_hold + 1; v_o.last_seq']],
    /order 1000000000001 does not hold what it needs/,
  ],
  [
    'an order that is over still holds',
    'matching.match_batch',
    [
      [
        "elsif v_kind not in ('PARKED', 'AMENDED') then v_hold := 0;",
        'elsif false then v_hold := 0;',
      ],
    ],
    /order 100000000000\d does not hold what it needs/,
  ],
  [
    'a taker takes more than is asked',
    'matching.match_batch',
    [['v_left := v_left - v_q; v_hold', 'v_left := v_left - v_q - 0.001; v_hold']],
    /a batch of BTC-USD breaks the rule cancelled_not_negative/,
  ],
  [
    'what is filled of a standing order is too much',
    'matching.update_standing',
    [['o.filled_quantity + (f.final).filled,', 'o.filled_quantity + (f.final).filled + 0.5,']],
    /a batch of BTC-USD breaks the rule quantity_is_accounted_for/,
  ],
  [
    'what is left is written as less',
    'matching.update_standing',
    [
      [
        'remaining_quantity = (f.final).remaining,',
        'remaining_quantity = (f.final).remaining / 2,',
      ],
      [' - (f.final).remaining,', ' - (f.final).remaining / 2,'],
    ],
    /a batch of BTC-USD breaks the rule open_is_not_cancelled/,
  ],
  [
    'what is filled is written as negative',
    'matching.record_orders',
    [['f.filled, f.remaining, f.size - f.filled', '-f.filled, f.remaining, f.size + f.filled']],
    /a batch of BTC-USD breaks the rule filled_not_negative/,
  ],
]

/** Fills an order of the book in part; one ends, one is cancelled, one comes to rest. */
const batch = [
  buy('alice', '1.5', '101', { client_order_id: 'taker' }),
  buy('alice', '0.5', '100', { time_in_force: 'IOC' }),
  command({ op: 'CANCEL', client_id: 'bob', client_order_id: 'bid' }),
  buy('alice', '1', '90'),
]

t.test('[MAT-090] a batch that breaks an invariant is refused, and nothing is written', async t => {
  for (const [what, name, changes, message] of faults) {
    await t.test(what, async t => {
      const db = await testDatabase(t)
      await stand(db)
      const before = await written(db)
      await mutateFunction(db, name, changes)

      await t.rejects(execute(db, 'BTC-USD', batch), { code: 'NVBAT', message })

      t.same(await written(db), before)
    })
  }
})

t.test('[MAT-090] the same batch is taken where nothing is broken', async t => {
  const db = await testDatabase(t)
  await stand(db)

  const answers = await execute(db, 'BTC-USD', batch)

  t.match(answers, [{ status: 'FILLED' }, { status: 'EXPIRED' }, {}, { status: 'OPEN' }])
  t.same(await audit(db), [])
})

t.test('[MAT-090] a crossed book is no fault while a symbol is in a call', async t => {
  const db = await testDatabase(t)
  await stand(db)
  await db.query("update matching.symbol_state set phase = 'CALL'")

  t.match(await execute(db, 'BTC-USD', [buy('alice', '1', '102')]), [{ status: 'OPEN' }])
})

t.test('[MAT-090] the service answers 500, tells nothing and calls somebody', async t => {
  const lines: string[] = []
  const stream = new Writable({
    write(line, _encoding, done) {
      lines.push(String(line))
      done()
    },
  })
  const database = await testDatabase(t)
  await createMarket(database, { ...plainMarket, now: noon })
  await mutateFunction(database, 'matching.match_batch', [
    ['v_hold := matching.order_hold(v_buy, -s', 'v_hold := 1 + matching.order_hold(v_buy, -s'],
  ])
  const { ask } = await startServer(t, database, { log: pino({ level: 'warn' }, stream) })

  const reply = await ask('POST', '/orders', order())

  t.match(reply, { status: 500, body: { code: 'INTERNAL' } })
  t.notMatch(JSON.stringify(reply.body), /hold|NVBAT/)
  const line = JSON.parse(lines.find(text => text.includes('NVBAT')) ?? '{}')
  t.match(line, { level: 60, msg: 'invariant broken', requestId: reply.body.request_id })
  t.match(line.err, { code: 'NVBAT', message: /order 1000000000001 does not hold what it needs/ })
  t.same(await database.query('select order_id from matching.orders'), [])
})
