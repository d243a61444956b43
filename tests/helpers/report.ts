export interface FileResult {
  passed: number
  failed: number
  /** What a person wants to read of it. */
  report: string
  /** All that it wrote. */
  output: string
}

/**
 * The result of one test file from what it wrote (TAP): one line when all is well, else also the
 * assertions that failed, each with its diff and place, and its error stream. A file that tested
 * nothing or ended badly has failed, whatever it wrote.
 */
export function readResult(file: {
  file: string
  output: string
  errors: string
  ended: number | string
  ms: number
}): FileResult {
  const lines = file.output.split('\n')
  const totals = lines.findLast(line => line.startsWith('# { total: ')) ?? ''
  const passed = Number(/pass: (\d+)/.exec(totals)?.[1] ?? 0)
  let failed = Number(/fail: (\d+)/.exec(totals)?.[1] ?? 0)
  let why = ''
  if (failed === 0 && file.ended !== 0) why = ` # ended with ${file.ended}`
  else if (failed === 0 && totals === '') why = ' # tested nothing'
  if (why !== '') failed = 1
  const head = `${failed === 0 ? 'ok' : 'not ok'} - ${file.file} # ${passed} in ${file.ms} ms${why}`
  const report = failed === 0 ? head : [head, ...failures(lines), file.errors].join('\n')
  return { passed, failed, report: report.trimEnd(), output: file.output + file.errors }
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
