import type { Queryable } from './market.ts'

/**
 * Changes the text of a function in this test's own database: the control of a test, which must
 * fail without what it tests. Each text to be replaced has to be there.
 */
export async function mutateFunction(
  db: Queryable,
  name: string,
  changes: readonly [from: string, to: string][],
): Promise<void> {
  const text = 'select pg_get_functiondef($1::regproc) as definition'
  const [row] = await db.query<{ definition: string }>(text, [name])
  let definition = row?.definition ?? ''
  for (const [from, to] of changes) {
    if (!definition.includes(from)) throw new Error(`${name} has no "${from}" to be changed`)
    definition = definition.replace(from, to)
  }
  await db.query(definition)
}
