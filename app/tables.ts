import { html } from 'hono/html'

export type Cell = string | number | null
export type Row = readonly Cell[]

export interface Table {
  /** Of the file that it is saved as, without its ending. */
  name: string
  title: string
  columns: readonly string[]
  /** Made while they are read, so that a long table takes no memory. */
  rows: AsyncIterable<readonly Row[]>
}

/** What only reads its own style: nothing that stands in a cell can do anything. */
const policy = [
  "default-src 'none'",
  "style-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const headers = {
  CSV: (name: string) => ({
    'content-type': 'text/csv; charset=utf-8; header=present',
    'content-disposition': `attachment; filename="${name}.csv"`,
  }),
  HTML: () => ({
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  }),
}

/**
 * A table for a program (CSV, RFC 4180) or a person (HTML, for the screen and for paper). It is
 * sent a part at a time. A failure on the way breaks the connection off: who reads it knows that it
 * is not whole. `styles` is where the page finds its style sheet.
 */
export function tableResponse(
  format: 'CSV' | 'HTML',
  table: Table,
  styles = '../../dashboard/table.css',
): Response {
  const parts = format === 'CSV' ? csvParts(table) : htmlParts(table, styles)
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await parts.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    async cancel() {
      await parts.return(undefined)
    },
  })
  return new Response(body, { headers: headers[format](table.name) })
}

async function* csvParts({ columns, rows }: Table): AsyncGenerator<string, undefined, undefined> {
  yield csvLine(columns)
  for await (const some of rows) yield some.map(csvLine).join('')
}

/** A line of values, quoted where one has a comma, a quote or a line end. */
function csvLine(cells: Row): string {
  return `${cells.map(printCell).join(',')}\r\n`
}

function printCell(cell: Cell): string {
  const text = cell === null ? '' : String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

async function* htmlParts(
  { title, columns, rows }: Table,
  styles: string,
): AsyncGenerator<string, undefined, undefined> {
  const names = columns.map(name => html`<th scope="col">${name.replaceAll('_', ' ')}</th>`)
  const head = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="stylesheet" href="${styles}">
</head>
<body>
<h1>${title}</h1>
<table>
<thead><tr>${names}</tr></thead>
<tbody>
`
  yield String(await head)
  for await (const some of rows) {
    const lines = await Promise.all(some.map(row => html`<tr>${row.map(htmlCell)}</tr>\n`))
    yield lines.join('')
  }
  yield '</tbody>\n</table>\n</body>\n</html>\n'
}

function htmlCell(cell: Cell) {
  const isNumber = /^-?\d+(\.\d+)?$/.test(String(cell))
  return isNumber ? html`<td class="number">${cell}</td>` : html`<td>${cell ?? ''}</td>`
}
