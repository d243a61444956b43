type Cell = string | number | null

/** A line of values, quoted where one has a comma, a quote or a line end (RFC 4180). */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(printCell).join(',')}\r\n`
}

function printCell(cell: Cell): string {
  const text = cell === null ? '' : String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/**
 * An answer that is made while it is read, a part at a time, so that a long one takes no memory. A
 * failure on the way breaks the connection off: who reads it knows that it is not whole.
 */
export function csvResponse(name: string, parts: AsyncIterator<string>): Response {
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await parts.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    async cancel() {
      await parts.return?.()
    },
  })
  return new Response(body, {
    headers: {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': `attachment; filename="${name}.csv"`,
    },
  })
}
