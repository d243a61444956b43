import { printViolation, type Violation } from './violation.ts'

export type Checks = Readonly<Record<string, () => readonly Violation[]>>

/** Runs every check, also after one failed, and prints a line for each and for each broken rule. */
export function runChecks(checks: Checks, print: (line: string) => void): boolean {
  let total = 0
  for (const [name, check] of Object.entries(checks)) {
    const violations = check()
    total += violations.length
    print(`${violations.length === 0 ? 'ok  ' : 'FAIL'} ${name}`)
    for (const violation of violations) print(printViolation(violation))
  }
  print(total === 0 ? 'all checks passed' : `${total} violations`)
  return total === 0
}
