import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { createTemplate, startTestCluster } from './helpers/cluster.ts'
import { type FileResult, readResult } from './helpers/report.ts'

const TEMPLATE = 'pgsettle_template'
/** For one file: far above the slowest, below what a person waits for. */
const FILE_TIMEOUT_MS = 180_000
const RESULTS = '.test/results.tap'
const running = new Set<ChildProcess>()

/**
 * `npm test [-- FILE…]`: every test file in a process of its own, one at once more than there are
 * cores, as some wait, on one throw-away PostgreSQL. The last line is `N passed, N failed`, by
 * assertions.
 *
 * The files are run as they stand, not by tap's command: that loads the TypeScript compiler and a
 * recorder of processes into each (4 files: 6.1 s of CPU; by tsx 4.4 s), and into what they start.
 */
async function main(): Promise<void> {
  const files = testFiles(process.argv.slice(2))
  const seed = process.env.TEST_SEED ?? String(randomInt(1, 2 ** 31))
  console.log(`# TEST_SEED=${seed}`)
  const stopped = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      stopped.abort()
      for (const child of running) child.kill('SIGKILL')
    })
  }
  let passed = 0
  let failed = 0
  try {
    const cluster = await startTestCluster(stopped.signal)
    try {
      await createTemplate(cluster.adminUrl, TEMPLATE)
      const env = { TEST_ADMIN_URL: cluster.adminUrl, TEST_TEMPLATE: TEMPLATE, TEST_SEED: seed }
      for (const result of await runFiles(files, env, stopped.signal)) {
        passed += result.passed
        failed += result.failed
      }
    } finally {
      await cluster.stop()
    }
  } catch (error) {
    failed++
    console.error(error)
  }
  console.log(`# all lines: ${RESULTS}; the same again: TEST_SEED=${seed} npm test`)
  console.log(`${passed} passed, ${failed} failed`)
  // A run in which nothing passed, because there was nothing, is no success.
  process.exit(failed > 0 || passed === 0 || stopped.signal.aborted ? 1 : 0)
}

/** Folders of tests that take long, and wait for others meanwhile: they begin first. */
const longest = ['faults', 'readme', 'workers', 'races', 'matching']

function testFiles(named: string[]): string[] {
  if (named.length > 0) return named.map(name => relative('.', resolve(name)))
  const files = readdirSync('tests', { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.ts'))
    .sort()
  const isIn = (folder: string) => (name: string) => name.startsWith(`${folder}/`)
  const first = longest.flatMap(folder => files.filter(isIn(folder)))
  return [...new Set([...first, ...files])].map(name => join('tests', name))
}

async function runFiles(
  files: string[],
  env: Record<string, string>,
  signal: AbortSignal,
): Promise<FileResult[]> {
  const waiting = [...files]
  const results: FileResult[] = []
  mkdirSync('.test', { recursive: true })
  writeFileSync(RESULTS, '')
  const work = async () => {
    for (let file = waiting.shift(); file && !signal.aborted; file = waiting.shift()) {
      const result = await runFile(file, env)
      results.push(result)
      writeFileSync(RESULTS, `# ${file}\n${result.output}\n`, { flag: 'a' })
      console.log(result.report)
    }
  }
  await Promise.all(Array.from({ length: 1 + Math.max(2, availableParallelism()) }, work))
  return results
}

async function runFile(file: string, env: Record<string, string>): Promise<FileResult> {
  const start = performance.now()
  const child = spawn(process.execPath, ['--import', 'tsx', '--enable-source-maps', file], {
    env: { ...process.env, TAP_TIMEOUT: String(FILE_TIMEOUT_MS / 1000), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: FILE_TIMEOUT_MS + 10_000,
    killSignal: 'SIGKILL',
  })
  running.add(child)
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    errors += text
  })
  const [code, signal] = await once(child, 'close')
  running.delete(child)
  const ms = Math.round(performance.now() - start)
  return readResult({ file, output, errors, ended: code ?? signal, ms })
}

await main()
