/** What differs between two runs of the same commands, replaced by what does not. */

const columns = 98
const timestamp = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/g
const date = /(?<![\d-])\d{4}-\d\d-\d\d(?![\dT-])/g
const firstMs = Date.parse('2026-01-05T09:30:00Z')

/**
 * The outputs of a session in their normal form: addresses, passwords and request ids are replaced;
 * times become the first, second, … of a fixed morning, in the order in which they were, so that
 * equal ones stay equal; JSON lines are folded at their commas.
 */
export function normalise(outputs: readonly string[], port: string): string[][] {
  const replaced = outputs.map(output => replaceAddresses(output, port))
  const times = new Set(replaced.flatMap(output => output.match(timestamp) ?? []))
  const names = new Map([...times].sort().map((time, no) => [time, nameOf(no)]))
  return replaced.map(output => {
    const text = output
      .replace(timestamp, time => names.get(time) ?? time)
      .replace(date, '2026-01-05')
      .replace(/"request_id":"[^"]*"/g, '"request_id":"5f0c3a91d7-1"')
    return withoutEnds(text).split('\n').flatMap(fold)
  })
}

function nameOf(no: number): string {
  return new Date(firstMs + no * 1000).toISOString().replace('Z', '000Z')
}

function replaceAddresses(output: string, port: string): string {
  return output
    .replaceAll(`127.0.0.1:${port}`, '127.0.0.1:8080')
    .replace(/(postgres:\/\/\w+:)[^@]+(@127\.0\.0\.1:)\d+/g, '$1<password>$2<port>')
}

/** Log lines of the service are no answers; and no line and no output ends with empty space. */
function withoutEnds(output: string): string {
  return output
    .split('\n')
    .filter(line => !line.startsWith('{"level":'))
    .map(line => line.trimEnd())
    .join('\n')
    .replace(/^\n+|\n+$/g, '')
}

/** A line of JSON that is too wide, broken behind commas that are not inside a string. */
function fold(line: string): string[] {
  if (line.length <= columns || !/^(data: )?[{[]/.test(line)) return [line]
  const parts = line.match(/(?:"(?:[^"\\]|\\.)*"|[^",])+,?/g) ?? [line]
  const lines: string[] = []
  let current = ''
  for (const part of parts) {
    if (current !== '' && current.length + part.length > columns) {
      lines.push(current)
      current = '  '
    }
    current += part
  }
  return [...lines, current]
}
