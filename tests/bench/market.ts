import type pg from 'pg'

export const symbols = ['BENCHA-USD', 'BENCHB-USD']
export const participants = 200

/** Symbols, and participants with more money than they can lose. Returns the symbols' ids. */
export async function createMarket(owner: pg.Pool, codes = symbols): Promise<number[]> {
  const ids: number[] = []
  for (const symbol of codes) {
    const { rows } = await owner.query(
      'select symbol_id from ops.create_symbol($1, 0.01, 0.0001)',
      [symbol],
    )
    ids.push(rows[0].symbol_id)
  }
  await owner.query(
    `insert into reference.participants (client_id, name, created_at)
     select 'bench-' || i, 'bench', now() from generate_series(0, $1 - 1) as i`,
    [participants],
  )
  await owner.query(
    `select ledger.deposit(1, 'bench-' || i, a, 1000000000000, 'bench-' || a, now())
     from generate_series(0, $1 - 1) as i, unnest($2::text[]) as a`,
    [participants, [...new Set(codes.flatMap(code => code.split('-')))]],
  )
  await owner.query('analyze reference.participants, ledger.accounts')
  return ids
}
