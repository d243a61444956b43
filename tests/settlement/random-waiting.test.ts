import t, { type Test } from 'tap'
import { audit, buy, execute, fund, sell, settle } from '../helpers/market.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { type WaitingMarket, waitingMarket } from './waiting-market.ts'

const names = ['p1', 'p2', 'p3', 'p4']
const rounds = 60
const startsAt = Date.parse('2026-03-02T06:00:00Z')

interface Sequence extends WaitingMarket {
  random: () => number
  ids: string[]
  now: string
  seen: Record<string, number>
}

const below = (s: Sequence, n: number) => Math.floor(s.random() * n)
const pick = <T>(s: Sequence, list: readonly T[]): T | undefined => list[below(s, list.length)]

/** What may happen between two passes; what is refused by a rule changes nothing. */
const acts: Record<string, (s: Sequence) => Promise<unknown>> = {
  async instruct(s) {
    const [seller = '', buyer = ''] = [...names].sort(() => s.random() - 0.5)
    const quantity = String(1 + below(s, 60))
    const amount = s.random() < 0.2 ? '0' : (s.random() * 900).toFixed(2)
    const value_date = pick(s, [null, null, null, '2026-03-02', '2026-03-03'])
    const priority = 1 + below(s, 4)
    const about = { seller, buyer, quantity, amount, value_date: value_date ?? null, priority }
    s.ids.push(await s.instruct({ ...about, now: s.now }))
  },
  deposit: s =>
    fund(
      s.db,
      pick(s, names) ?? '',
      pick(s, ['BTC', 'USD']) ?? '',
      String(1 + below(s, 40)),
      s.now,
    ),
  hold: s => operate(s, 'hold_settlement($1, $2, 1, $3)', pick(s, ['BUYER', 'SELLER'])),
  release: s => operate(s, 'release_settlement($1, $2, null, 1, $3)', pick(s, ['BUYER', 'SELLER'])),
  releasePart: s =>
    operate(s, 'release_settlement($1, $2, 10, 1, $3)', pick(s, ['BUYER', 'SELLER'])),
  after: s => operate(s, "link_settlements($1, 'AFTER', $2, 1, $3)", pick(s, s.ids)),
  with: s => operate(s, "link_settlements($1, 'WITH', $2, 1, $3)", pick(s, s.ids)),
  prioritise: s => operate(s, 'set_settlement_priority($1, $2, 1, $3)', String(1 + below(s, 4))),
  cancel: s => operate(s, "cancel_settlement($1, 'both', $2, 1, $3)", 'olga'),
  retry: s => operate(s, 'retry_settlement($1, $2, $3)', '1'),
  async trade(s) {
    const [a = '', b = ''] = [...names].sort(() => s.random() - 0.5)
    const answers = await execute(
      s.db,
      'BTC-USD',
      [sell(a, '20', '1', { time_in_force: 'GTC' }), buy(b, '20', '1', { time_in_force: 'IOC' })],
      { now: s.now },
    )
    for (const fill of answers[1]?.fills ?? []) s.ids.push(fill.trade_id)
    await execute(s.db, 'BTC-USD', [{ op: 'CANCEL', order_id: answers[0]?.order_id ?? '' }], {
      now: s.now,
    })
  },
  settle: s => settle(s.db, { now: s.now }),
}

async function operate(s: Sequence, call: string, word: string | undefined): Promise<void> {
  const id = pick(s, s.ids)
  if (id === undefined || word === undefined) return
  const values = call.includes('$2') ? [id, word, s.now] : [id, s.now]
  const text = call.includes('$2') ? call : call.replace('$3', '$2')
  try {
    await s.db.query(`select ops.${text}`, values)
    s.seen.done = (s.seen.done ?? 0) + 1
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (!/^(ST|IV|NF)/.test(code)) throw error
    s.seen[code] = (s.seen[code] ?? 0) + 1
  }
}

/** Instructions that wait for money or assets, alone, and could have them: there are none. */
const payable = (s: Sequence) =>
  s.db.query(
    `select i.instruction_id
    from settlement.waiting_instructions as i
    where i.reason in ('LACK_ASSET', 'LACK_CASH')
      and not exists (select from settlement.links as l where l.instruction_id = i.instruction_id)
      and not settlement.lacks(1, i.seller_id, i.base_asset_id,
        least(i.quantity, i.buyer_released, i.seller_released) - i.settled_quantity)
      and not settlement.lacks(1, i.buyer_id, i.quote_asset_id, i.notional - i.settled_notional)`,
  )

/** Linked instructions that did not settle as their link says: there are none. */
const disobeyed = (s: Sequence) =>
  s.db.query(
    `select l.*, a.settled_at, b.settled_at
    from settlement.links as l
    join settlement.settled_instructions as a on a.instruction_id = l.instruction_id
    left join settlement.settled_instructions as b on b.instruction_id = l.other_id
    left join ledger.journals as x on x.journal_id = a.journal_id
    left join ledger.journals as y on y.journal_id = b.journal_id
    where case l.link when 'WITH' then x.finality_no is distinct from y.finality_no
      else (x.finality_no > y.finality_no) is not true end`,
  )

/** Instructions that wait for none but what has settled, and that nothing will call: none. */
const forgotten = (s: Sequence) =>
  s.db.query(
    `select i.instruction_id
    from settlement.waiting_instructions as i
    where i.reason = 'LINKED'
      and i.next_attempt_at = 'infinity'
      and not exists (
        select
        from settlement.links as l
        left join settlement.settled_instructions as d on d.instruction_id = l.other_id
        where l.instruction_id = i.instruction_id
          and (l.link = 'WITH' or d.instruction_id is null)
      )`,
  )

async function play(t: Test, number: number): Promise<Record<string, number>> {
  const funds = { p1: { BTC: '100' }, p2: { USD: '900' }, p3: { BTC: '20', USD: '50' }, p4: {} }
  const market = await waitingMarket(t, funds, { partial_unit: '5', partial_minimum: '10' })
  if (number % 2 === 1) await market.db.query("select ops.set_settlement('BTC-USD', 1)")
  const s: Sequence = {
    ...market,
    random: randomNumbers(seed + number),
    ids: [],
    now: '',
    seen: {},
  }
  const words = Object.keys(acts)
  for (let round = 0; round < rounds; round++) {
    s.now = new Date(startsAt + round * 20 * 60_000).toISOString()
    for (let i = 0; i < 4; i++) {
      const word = s.random() < 0.35 ? 'instruct' : (pick(s, words) ?? '')
      await acts[word]?.(s)
    }
    // What a part brings may pay another, in the next pass.
    for (let pass = await s.pass(s.now); ; pass = await s.pass(s.now)) {
      s.seen.settled = (s.seen.settled ?? 0) + pass.settled
      t.equal(pass.put_aside, 0)
      if (pass.settled === 0) break
    }
    t.same(await audit(s.db), [], `round ${round} of sequence ${seed}+${number}`)
    t.same(await payable(s), [])
    t.same(await disobeyed(s), [])
    t.same(await forgotten(s), [])
  }
  t.same(await s.db.query('select * from ops.verify_chain()'), [])
  const rows = await s.db.query(`select
    (select count(*)::int from settlement.parts as p join settlement.instructions as i
      using (instruction_id) where p.quantity < i.quantity) as parts,
    (select count(*)::int from settlement.links) as links,
    (select max(n)::int from (select count(*) as n from settlement.parts group by journal_id) as j)
      as most`)
  return { ...s.seen, ...rows[0] }
}

t.test(
  `[SET-006] whatever is asked, money adds up and nothing waits in vain (${seed})`,
  async t => {
    const seen: Record<string, number> = {}
    let sequences = 0
    // On until each kind has been met.
    while (sequences < 2 || !(seen.parts && seen.links && seen.STLNK) || (seen.settled ?? 0) < 30) {
      for (const [key, count] of Object.entries(await play(t, sequences))) {
        seen[key] = key === 'most' ? Math.max(seen[key] ?? 0, count) : (seen[key] ?? 0) + count
      }
      if (++sequences === 12) break
    }
    t.comment(JSON.stringify({ sequences, ...seen }))
    t.ok((seen.settled ?? 0) >= 30 && (seen.parts ?? 0) > 0 && (seen.most ?? 0) > 1)
  },
)
