export interface FileResult {
  passed: number
  failed: number
  /** What a person wants to read of it. */
  report: string
  /** The file, and all that it wrote. */
  output: string
}

/** What a file has come to: a comment behind its TAP, as tap's counts are of all files so far. */
export function resultLine(
  file: string,
  counts: { passed: number; failed: number; total: number },
): string {
  return `# ${file}: ${counts.passed} passed, ${counts.failed} failed, of ${counts.total}`
}

/** The counts of that line; undefined while it is not there. */
function readCounts(file: string, output: string) {
  const at = `\n${output}`.lastIndexOf(`\n# ${file}: `)
  const found = /^.*: (\d+) passed, (\d+) failed, of (\d+)\n/.exec(at < 0 ? '' : output.slice(at))
  if (!found) return undefined
  return { passed: Number(found[1]), failed: Number(found[2]), total: Number(found[3]) }
}

export const hasResult = (file: string, output: string) => readCounts(file, output) !== undefined

/**
 * The result of one test file from what it wrote (TAP): one line when all is well, else also the
 * assertions that failed, each with its diff and place, and its error stream. A file that tested
 * nothing, or whose process `ended` before it was through, has failed, whatever it wrote.
 */
export function readResult(file: {
  file: string
  output: string
  errors: string
  ended?: number | string | undefined
  ms: number
}): FileResult {
  const counts = readCounts(file.file, file.output)
  const { passed, total } = counts ?? { passed: 0, total: 0 }
  let failed = counts?.failed ?? 0
  let why = ''
  if (counts === undefined) why = ` # ended with ${file.ended}`
  else if (total === 0) why = ' # tested nothing'
  if (why !== '') failed = 1
  const head = `${failed === 0 ? 'ok' : 'not ok'} - ${file.file} # ${passed} in ${file.ms} ms${why}`
  const kept = failed === 0 ? [] : [...failures(file.output.split('\n')), file.errors]
  const report = [head, ...kept].join('\n').trimEnd()
  return { passed, failed, report, output: `# ${file.file}\n${file.output}${file.errors}\n` }
}

/** The failed assertions; of the tests around them the names only. */
function failures(lines: string[]): string[] {
  const kept: string[] = []
  let lastFailed = 0
  let isSkipping = false
  for (const line of lines) {
    const indent = line.search(/\S/)
    if (/^\s*not ok /.test(line)) {
      // The test around a failed assertion comes after it, further left.
      isSkipping = indent < lastFailed
      lastFailed = indent
      kept.push(line)
    } else if (/^\s*(ok |# |TAP version|\d+\.\.\d+)/.test(line)) {
      isSkipping = true
    } else if (!isSkipping && indent >= 0) {
      kept.push(line)
    }
  }
  return kept
}
