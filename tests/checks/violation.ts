/** One broken rule at one place; a check returns none when all is well. */
export type Violation = { path: string; line: number; rule: string; message: string }

/** The line an editor can jump to. */
export function printViolation({ path, line, rule, message }: Violation): string {
  return `  ${path}:${line}  [${rule}] ${message}`
}

/** The number, from 1, of the line that holds the character at this offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1
  let next = text.indexOf('\n')
  while (next !== -1 && next < offset) {
    line += 1
    next = text.indexOf('\n', next + 1)
  }
  return line
}
