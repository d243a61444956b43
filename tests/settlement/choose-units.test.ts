import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'

interface Move {
  unit: number
  account: number
  amount: number
}

/** The plainest way: the first that can be paid, and begin again. */
function chooseFirst(count: number, moves: Move[], available: number[]): boolean[] {
  const left = [...available]
  const chosen: boolean[] = Array(count).fill(false)
  const fits = (unit: number) =>
    moves.every(
      one => one.unit !== unit || one.amount >= 0 || (left[one.account - 1] ?? 0) + one.amount >= 0,
    )
  for (;;) {
    const next = chosen.findIndex((isChosen, n) => !isChosen && fits(n + 1))
    if (next < 0) return chosen
    chosen[next] = true
    for (const one of moves) {
      if (one.unit === next + 1) left[one.account - 1] = (left[one.account - 1] ?? 0) + one.amount
    }
  }
}

t.test(`[SET-006] of those that can be paid the first comes first (seed ${seed})`, async t => {
  const db = await testDatabase(t)
  const random = randomNumbers(seed)
  const below = (n: number) => Math.floor(random() * n)
  const seen = { chosen: 0, left: 0 }
  for (let round = 0; round < 200; round++) {
    const [count, accounts] = [2 + below(8), 2 + below(4)]
    const moves: Move[] = []
    for (let unit = 1; unit <= count; unit++) {
      for (let account = 1; account <= accounts; account++) {
        const amount = below(21) - 10
        if (random() < 0.6 && amount !== 0) moves.push({ unit, account, amount })
      }
    }
    const available = Array.from({ length: accounts }, () => below(12))

    const [row] = await db.query(
      `select chosen from settlement.choose_units($1, array(
        select row(m.unit, m.account, m.amount)::settlement.unit_move
        from json_to_recordset($2) as m (unit int, account int, amount numeric)
        order by m.unit, m.account
      ), $3)`,
      [count, JSON.stringify(moves), available],
    )

    // What only settles together is chosen behind them.
    const first = chooseFirst(count, moves, available)
    t.same(
      first.filter((isChosen, n) => isChosen && !row?.chosen[n]),
      [],
      JSON.stringify({ moves, available }),
    )
    seen.chosen += first.filter(Boolean).length
    seen.left += row?.chosen.filter((isChosen: boolean) => !isChosen).length
  }
  t.comment(JSON.stringify(seen))
  t.ok(seen.chosen > 100 && seen.left > 100)
})
