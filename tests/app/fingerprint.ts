import type { Queryable } from '../helpers/market.ts'

/** A fingerprint of every table of ours: what changes anything changes it. */
export async function fingerprint(database: Queryable): Promise<unknown> {
  const tables = await database.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name
     from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
     where c.relkind = 'r' and n.nspname in ('matching', 'ledger', 'settlement', 'clearing',
       'reference', 'ops', 'api') order by 1`,
  )
  const sums = tables.map(
    ({ name }) =>
      `select '${name}' as name, md5(coalesce(string_agg(t::text, '|' order by t::text), ''))
       from ${name} as t`,
  )
  return database.query(`${sums.join(' union all ')} order by name`)
}
