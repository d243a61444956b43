import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { audit, createMarket, execute, type Queryable } from '../helpers/market.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { symbol } from './market-test.ts'
import { dumpMarket } from './market-views.ts'
import { createTypesFlow } from './types-flow.ts'

const traders = ['alice', 'bob', 'carol', 'dave']
const batches = 25

/** Tables that differ, and their first lines that do. */
async function differences(left: Queryable, right: Queryable): Promise<unknown[]> {
  const [one, other] = [await dumpMarket(left), await dumpMarket(right)]
  return Object.keys(one).flatMap(table => {
    const at = one[table]?.findIndex((line, n) => line !== other[table]?.[n]) ?? -1
    const isLonger = (other[table]?.length ?? 0) > (one[table]?.length ?? 0)
    return at === -1 && !isLonger
      ? []
      : [{ table, one: one[table]?.[at], other: other[table]?.[at] }]
  })
}

async function seenIn(db: Queryable) {
  const [row] = await db.query<{ types: number; statuses: number; reasons: number }>(`
    select count(distinct type)::int as types, count(distinct status)::int as statuses,
      count(distinct end_reason)::int as reasons
    from matching.orders`)
  const { types, statuses, reasons } = row ?? { types: 0, statuses: 0, reasons: 0 }
  return { isEnough: types >= 6 && statuses >= 6 && reasons >= 5, reasons }
}

t.test(
  `[MAT-003] any orders, as batches and one by one, leave the same (seed ${seed})`,
  async t => {
    const random = randomNumbers()
    const [whole, single] = [await testDatabase(t), await testDatabase(t)]
    for (const db of [whole, single]) {
      const funds = { USD: '30000', BTC: '300' }
      await createMarket(db, { traders: Object.fromEntries(traders.map(name => [name, funds])) })
      await db.query("update reference.participants set trade_group = 'g' where client_id > 'bob'")
      await db.query('update reference.symbols set tick_size = 0.5, lot_size = 0.1')
    }
    const next = createTypesFlow(random, traders)

    let seen = await seenIn(whole)
    // A short run may miss one by chance: it goes on until it has seen enough.
    for (let batch = 1; batch <= batches || (!seen.isEnough && batch <= 5 * batches); batch++) {
      const units = next(1 + Math.floor(random() * 12))
      const now = new Date(Date.UTC(2026, 2, 2, 12, 0, batch * 2)).toISOString()
      for (const unit of units) await execute(single, symbol, unit, { now })
      await execute(whole, symbol, units.flat(), { now })
      const wrong = [...(await audit(whole)), ...(await differences(whole, single))]
      if (wrong.length > 0) return t.same(wrong, [], `after batch ${batch}`, { units })
      seen = await seenIn(whole)
    }
    t.ok(seen.isEnough, `of every type and status, and ${seen.reasons} reasons to end`)
  },
)
