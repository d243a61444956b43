import type { SourceFile } from './source-files.ts'
import type { Violation } from './violation.ts'

const leftovers: readonly { pattern: RegExp; message: string }[] = [
  { pattern: /\b(TO[D]O|FIX[M]E)\b/, message: 'do it, or open an issue' },
  {
    pattern: /(^|[\s"'`(=:])(\/(work|root|home|Users)\/\w|[A-Z]:\\\w)/,
    message: "a path of one machine's own",
  },
]

/** Notes to self and paths that exist on one machine only. */
export function checkLeftovers({ path, text }: SourceFile): Violation[] {
  return text
    .split('\n')
    .flatMap((content, index) =>
      leftovers
        .filter(({ pattern }) => pattern.test(content))
        .map(({ message }) => ({ path, line: index + 1, rule: 'leftover', message })),
    )
}
