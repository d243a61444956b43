import type { Test } from 'tap'
import type { TestDatabase } from '../helpers/database.ts'
import { audit } from '../helpers/market.ts'
import { openSession } from '../helpers/session.ts'

/** What is changed behind the venue's back, and which check names it, by which key. */
export type Corruption = [what: string, statement: string, name: string, key: RegExp]

/** Plants each in a transaction that is undone: audit() names it, and nothing before or after. */
export async function plantEach(
  t: Test,
  db: TestDatabase,
  corruptions: readonly Corruption[],
): Promise<void> {
  const owner = await openSession(t, db.url)
  t.same(await audit(owner), [], 'healthy')

  for (const [what, statement, name, key] of corruptions) {
    await owner.query('begin')
    const { length: hit } = await owner.query(`${statement} returning 1`)
    const found = await audit(owner)
    await owner.query('rollback')

    const named = found.filter(row => row.check_name === name && key.test(row.key))
    t.ok(hit > 0 && named.length > 0, `${what}: ${name}`, { found })
  }
  t.same(await audit(owner), [], 'healthy again')
}
