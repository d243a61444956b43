import t, { type Test } from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { playMarket } from '../helpers/full-market.ts'
import { settle } from '../helpers/market.ts'
import { seed } from '../helpers/seed.ts'
import { openSession } from '../helpers/session.ts'

/** All rows of all tables, of a market that was played and settled by the seed of the run. */
async function play(t: Test, draws: number): Promise<Map<string, unknown[]>> {
  const db = await testDatabase(t)
  const session = await openSession(t, db.url)
  // What is drawn at the end of a call is PostgreSQL's random().
  await session.query('select setseed($1)', [draws])
  await playMarket(session, 80)
  const now = '2026-03-02T13:00:00Z'
  await settle(session, { limit: 40, now })
  await settle(session, { now })
  const tables = await session.query<{ name: string }>(`
    select format('%I.%I', n.nspname, c.relname) as name
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relispartition
      and n.nspname in ('reference', 'matching', 'clearing', 'settlement', 'ledger')`)
  const rows = new Map<string, unknown[]>()
  for (const { name } of tables) {
    // Hashes of enums are by their oids, which each database gives anew; the keys of deposits are
    // counted by this process.
    const but = name === 'ledger.deposits' ? 'idempotency_key' : 'terms_hash'
    const text = `select to_jsonb(r) - '${but}' as row from ${name} as r
      order by (to_jsonb(r) - '${but}')::text`
    rows.set(
      name,
      (await session.query(text)).map(({ row }) => row),
    )
  }
  return rows
}

t.test(
  `the same seed and clock give the same of everything, ids included (seed ${seed})`,
  async t => {
    const once = await play(t, 0.25)
    const again = await play(t, 0.25)

    t.ok((once.get('matching.trades')?.length ?? 0) > 30)
    t.ok((once.get('ledger.transfers')?.length ?? 0) > 30)
    for (const [name, rows] of once) t.strictSame(again.get(name), rows, name)
  },
)
