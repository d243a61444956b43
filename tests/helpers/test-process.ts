import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type FileResult, hasResult, readResult } from './report.ts'

const program = join(import.meta.dirname, '../run-files.ts')
const running = new Set<ChildProcess>()

/** Runs one test file after another, until one fails: what that leaves behind is not known. */
interface TestProcess {
  run(file: string): Promise<FileResult>
  /** A result only if it ended badly, though all its files had passed. */
  end(): Promise<FileResult | undefined>
}

export interface Limits {
  /** For one file. */
  fileMs: number
  /** For a process to end after its last file. */
  endMs: number
}

/**
 * Runs test files on `count` processes, each of which takes the next file when it is through with
 * one. A file that fails, or takes its process with it, is the last of that process: the files
 * after it get a new one. No result is lost: the files of a process that does not end well when all
 * of them have passed (a timer or connection that is left open) are told in a result of its own.
 */
export async function runFiles(
  files: string[],
  on: {
    count: number
    env: Record<string, string>
    limits: Limits
    signal: AbortSignal
    result: (result: FileResult) => void
  },
): Promise<void> {
  const waiting = [...files]
  const work = async () => {
    let tests: TestProcess | undefined
    for (let file = waiting.shift(); file && !on.signal.aborted; file = waiting.shift()) {
      tests ??= startTestProcess(on.env, on.limits)
      const result = await tests.run(file)
      if (result.failed > 0) tests = undefined
      on.result(result)
    }
    const ending = await tests?.end()
    if (ending) on.result(ending)
  }
  const stop = () => {
    for (const child of running) child.kill('SIGKILL')
  }
  on.signal.addEventListener('abort', stop)
  await Promise.all(Array.from({ length: on.count }, work))
  on.signal.removeEventListener('abort', stop)
}

function startTestProcess(env: Record<string, string>, { fileMs, endMs }: Limits): TestProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', '--enable-source-maps', program], {
    // A limit of tap's own would be for all files.
    env: { ...process.env, TAP_TIMEOUT: '0', TEST_FILE_TIMEOUT_MS: String(fileMs), ...env },
  })
  running.add(child)
  const ended = once(child, 'close').then(([code, signal]): number | string => {
    running.delete(child)
    return code ?? signal
  })
  const files: string[] = []
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    errors += text
  })
  // A process that is gone is known by its end.
  child.stdin.on('error', () => {})

  const stop = async () => {
    child.stdin.end()
    const timer = setTimeout(() => child.kill('SIGKILL'), endMs)
    const how = await ended
    clearTimeout(timer)
    return how
  }
  return {
    async run(file) {
      files.push(file)
      const start = performance.now()
      // Tap's own limit goes first: it tells which test it was.
      const timer = setTimeout(() => child.kill('SIGKILL'), fileMs + endMs)
      child.stdin.write(`${file}\n`)
      let how: number | string | undefined
      while (how === undefined && !hasResult(file, output)) {
        how = await Promise.race([ended, once(child.stdout, 'data').then(() => undefined)])
      }
      clearTimeout(timer)
      const ms = Math.round(performance.now() - start)
      const result = readResult({ file, output, errors, ended: how, ms })
      if (result.failed > 0) {
        // What it complains is read to its end.
        await stop()
        return readResult({ file, output, errors, ended: how, ms })
      }
      ;[output, errors] = ['', '']
      return result
    },
    async end() {
      const start = performance.now()
      const how = await stop()
      if (how === 0) return undefined
      const ms = Math.round(performance.now() - start)
      return readResult({ file: `the end of ${files.join(' ')}`, output, errors, ended: how, ms })
    },
  }
}
