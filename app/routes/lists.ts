import { z } from 'zod'
import type { Listed } from '../rows.ts'
import { wholeText } from './fields.ts'

/** The query of every list: where to go on, in the list's own terms, and how many. */
export function pageQuery<Cursor extends z.ZodType<string>>(cursor: Cursor) {
  return { cursor: cursor.optional(), limit: wholeText(1, 1000, 100) }
}

/** The cursor of a list that goes by an id. */
export const idCursor = z.string().regex(/^\d{1,18}$/, 'is not a cursor of this list')

/** A page of a list. A full page has a cursor, also when nothing comes after it. */
export function printPage<Row>(
  rows: readonly Listed<Row>[],
  limit: number,
  print: (row: Listed<Row>) => unknown,
) {
  const next = rows.length < limit ? undefined : rows.at(-1)?.cursor
  return { items: rows.map(print), next_cursor: next ?? null }
}
