import t, { type Test } from 'tap'
import { buy, execute, fund, type Queryable, sell, settle } from '../helpers/market.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { ask, bust, bustMarket, faults, outcome } from './bust-market.ts'

const names = ['p1', 'p2', 'p3', 'p4']
const rounds = 24
const startsAt = Date.parse('2026-03-02T06:00:00Z')

interface Sequence {
  db: Queryable
  random: () => number
  ids: string[]
  now: string
  seen: Record<string, number>
}

const below = (s: Sequence, n: number) => Math.floor(s.random() * n)
const pick = <T>(s: Sequence, list: readonly T[]): T | undefined => list[below(s, list.length)]
const side = (s: Sequence) => pick(s, ['BUYER', 'SELLER']) ?? ''

function count(s: Sequence, key: string): void {
  s.seen[key] = (s.seen[key] ?? 0) + 1
}

/** Does something to a trade of any time; what a rule refuses changes nothing. */
async function attempt(s: Sequence, key: string, act: (id: string) => Promise<unknown>) {
  const id = s.random() < 0.6 ? pick(s, s.ids.slice(-6)) : pick(s, s.ids)
  if (id === undefined) return
  try {
    await act(id)
    count(s, key)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (!/^(ST|IV|NF|RJ)/.test(code)) throw error
    count(s, code)
  }
}

async function change(s: Sequence, id: string, price: string | null): Promise<void> {
  const other = await bust(s.db, id, price, s.now)
  const states = await outcome(s.db, id)
  if (states.length > 1) count(s, 'reversals')
  if (states[1]?.startsWith('PENDING')) count(s, 'waited')
  // A few are asked for again.
  if (s.random() < 0.8) s.ids = s.ids.filter(one => one !== id)
  if (price !== null) s.ids.push(other)
}

const operate = (s: Sequence, key: string, call: string, ...words: unknown[]) =>
  attempt(s, key, id => s.db.query(`select ${call}`, [id, s.now, ...words]))

const set = (s: Sequence, call: string, value: unknown) =>
  s.db.query(`select ops.${call}('BTC-USD', $1)`, [value])

const acts: Record<string, (s: Sequence) => Promise<unknown>> = {
  async trade(s) {
    const [a = '', b = ''] = [...names].sort(() => s.random() - 0.5)
    const quantity = String(1 + below(s, 20))
    const price = String(5 + below(s, 30))
    const orders = [sell(a, quantity, price), buy(b, quantity, price, { time_in_force: 'IOC' })]
    const answers = await execute(s.db, 'BTC-USD', orders, { now: s.now })
    for (const fill of answers[1]?.fills ?? []) s.ids.push(fill.trade_id)
    const cancel = { op: 'CANCEL', order_id: answers[0]?.order_id ?? '' }
    if (s.random() < 0.8) await execute(s.db, 'BTC-USD', [cancel], { now: s.now })
  },
  bust: s => attempt(s, 'busts', id => change(s, id, null)),
  correct: s => attempt(s, 'corrections', id => change(s, id, String(5 + below(s, 30)))),
  async ask(s) {
    await attempt(s, 'asked', async id => {
      const asked = await ask(s.db, id, null, s.now)
      if (s.random() < 0.5) return
      await s.db.query("select ops.reject_bust($1, 'bea', 'no', 1, $2)", [asked, s.now])
    })
  },
  deposit: s => {
    const asset = pick(s, ['BTC', 'USD']) ?? ''
    return fund(s.db, pick(s, names) ?? '', asset, String(1 + below(s, 60)), s.now)
  },
  async withdraw(s) {
    const name = pick(s, [...names, 'house']) ?? ''
    await s.db.query(
      `select ledger.approve_withdrawal(1, w.withdrawal_id, 'bea', $3)
      from api.balances(1, $1) as b
      cross join lateral ledger.request_withdrawal(
        1, $1, b.asset, greatest(1, trunc(b.available / 2)), $2::text || b.asset, 'ann', $3
      ) as w
      where b.available >= 1`,
      [name, `w-${below(s, 1e9)}`, s.now],
    )
  },
  hold: s => operate(s, 'held', 'ops.hold_settlement($1, $3, 1, $2)', side(s)),
  release: s => operate(s, 'released', 'ops.release_settlement($1, $3, null, 1, $2)', side(s)),
  part: s => operate(s, 'parts', 'ops.release_settlement($1, $3, 1, 1, $2)', side(s)),
  after: s => operate(s, 'linked', "ops.link_settlements($1, 'AFTER', $3, 1, $2)", pick(s, s.ids)),
  with: s => operate(s, 'linked', "ops.link_settlements($1, 'WITH', $3, 1, $2)", pick(s, s.ids)),
  fail: s =>
    attempt(s, 'failed', id =>
      s.db.query(
        `select settlement.put_aside(1, $2, i.instruction_id, 'XX000 broken')
        from settlement.instructions as i
        where i.instruction_id = $1 and i.status not in ('SETTLED', 'CANCELLED')`,
        [id, s.now],
      ),
    ),
  retry: s => operate(s, 'retried', 'ops.retry_settlement($1, 1, $2)'),
  netting: s => set(s, 'set_netting', s.random() < 0.5 ? 'day' : null),
  days: s => set(s, 'set_settlement', below(s, 2)),
  close: s => s.db.query("select ops.close_window('day', 1, $1)", [s.now]),
  windows: s => s.db.query('select clearing.run_windows(1, $1)', [s.now]),
  settle: s => settle(s.db, { now: s.now, limit: 3 }),
  wait: s => s.db.query('select settlement.settle_waiting(1, $1, 100)', [s.now]),
}

/** Accounts whose balance is not what came and went, and what the trades that count moved. */
const wrong = (db: Queryable) =>
  db.query(
    `select a.participant_id, a.asset_id, a.posted, sum(f.amount) as derived
    from ledger.accounts as a
    join reference.participants as p using (participant_id)
    left join lateral (
      select e.amount from ledger.entries as e
      where (e.participant_id, e.asset_id) = (a.participant_id, a.asset_id)
        and e.kind in ('DEPOSIT', 'WITHDRAWAL')
      union all
      select v.amount
      from matching.standing_trades as x
      join matching.trades as t on t.trade_id = x.trade_id
      cross join lateral matching.captured(t) as c
      join reference.symbols as s on s.symbol_id = t.symbol_id
      cross join lateral (values
        (c.buyer_id, s.base_asset_id, c.quantity), (c.seller_id, s.base_asset_id, -c.quantity),
        (c.buyer_id, s.quote_asset_id, -c.notional - c.buyer_fee),
        (c.seller_id, s.quote_asset_id, c.notional - c.seller_fee),
        (1, s.quote_asset_id, c.buyer_fee + c.seller_fee)
      ) as v (participant_id, asset_id, amount)
      where (v.participant_id, v.asset_id) = (a.participant_id, a.asset_id)
    ) as f on true
    group by 1, 2, 3 having a.posted <> coalesce(sum(f.amount), 0)`,
  )

/** Everybody gets what may be lacking, everything is let go: all settles. */
async function finish(s: Sequence): Promise<void> {
  for (const name of [...names, 'house']) {
    for (const asset of ['BTC', 'USD']) await fund(s.db, name, asset, '100000', s.now)
  }
  await s.db.query(
    `select ops.release_settlement(i.instruction_id, side, null, 1, $1)
    from settlement.waiting_instructions as i, unnest(array['BUYER', 'SELLER']) as side
    where i.is_conditional order by i.instruction_id`,
    [s.now],
  )
  for (let day = 0; day < 8; day++) {
    s.now = new Date(Date.parse(s.now) + 86_400_000).toISOString()
    await s.db.query(
      `select ops.retry_settlement(i.instruction_id, 1, $1)
      from settlement.waiting_instructions as i`,
      [s.now],
    )
    await s.db.query("select ops.close_window('day', 1, $1)", [s.now])
    await s.db.query('select clearing.run_windows(1, $1)', [s.now])
    await settle(s.db, { now: s.now })
    await s.db.query('select settlement.settle_waiting(1, $1, 500)', [s.now])
  }
}

async function play(t: Test, number: number): Promise<Record<string, number>> {
  const funds = { p1: { BTC: '60' }, p2: { USD: '900' }, p3: { BTC: '20', USD: '50' }, p4: {} }
  const options = { lot: '1', partial_unit: '1', maker_rate: number % 2 ? '0.001' : '-0.0004' }
  const db = await bustMarket(t, funds, options)
  await db.query("select ops.create_netting_set('day', 'NET', 'MULTILATERAL', null, 1, now())")
  const s: Sequence = { db, random: randomNumbers(seed + number), ids: [], now: '', seen: {} }
  const words = Object.keys(acts)
  for (let round = 0; round < rounds; round++) {
    s.now = new Date(startsAt + round * 60 * 60_000).toISOString()
    for (let i = 0; i < 4; i++) {
      const often = pick(s, ['trade', 'trade', 'deposit', 'settle', 'withdraw', 'bust', 'correct'])
      const word = (s.random() < 0.6 ? often : pick(s, words)) ?? ''
      await acts[word]?.(s)
      const found = await db.query('select * from ops.audit()')
      t.same(found, [], `${word} in round ${round} of sequence ${seed}+${number}`)
    }
  }
  t.same(await faults(db), [])
  await finish(s)
  t.same(await faults(db), [])
  t.same(await db.query('select instruction_id from settlement.waiting_instructions'), [])
  t.same(await wrong(db), [], 'as if what is busted had never been')
  return s.seen
}

t.test(`[BST-001] whatever is busted when, money adds up at each step (${seed})`, async t => {
  const seen: Record<string, number> = {}
  let sequences = 0
  const enough = () => (seen.reversals ?? 0) > 3 && (seen.waited ?? 0) > 0
  while (sequences < 3 || !enough() || !seen.busts || !seen.corrections) {
    for (const [key, count] of Object.entries(await play(t, sequences))) {
      seen[key] = (seen[key] ?? 0) + count
    }
    if (++sequences === 10) break
  }
  t.comment(JSON.stringify({ sequences, ...seen }))
  t.ok(enough())
})
