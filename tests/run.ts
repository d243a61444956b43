import { randomInt } from 'node:crypto'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { createTemplate, startTestCluster } from './helpers/cluster.ts'
import type { FileResult } from './helpers/report.ts'
import { runFiles } from './helpers/test-process.ts'

const TEMPLATE = 'pgsettle_template'
/** Far above the slowest file, below what a person waits for. */
const LIMITS = { fileMs: 180_000, endMs: 20_000 }
const RESULTS = '.test/results.tap'

/**
 * `npm test [-- FILE…]`: the test files on a few processes, one more than there are cores, as some
 * wait, on one throw-away PostgreSQL. The last line is `N passed, N failed`, by assertions.
 *
 * Each process runs many files, as the first second of each is spent on loading (35 files of routes
 * and ledger: 92 s of CPU in processes of their own, 46 s in one).
 * They are not run by tap's command: that loads the TypeScript compiler and a recorder of processes
 * into each (4 files: 6.1 s of CPU; by tsx 4.4 s), and into what they start.
 */
async function main(): Promise<void> {
  const files = testFiles(process.argv.slice(2))
  const seed = process.env.TEST_SEED ?? String(randomInt(1, 2 ** 31))
  console.log(`# TEST_SEED=${seed}`)
  const stopped = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => stopped.abort())
  }
  let passed = 0
  let failed = 0
  try {
    const cluster = await startTestCluster(stopped.signal)
    try {
      await createTemplate(cluster.adminUrl, TEMPLATE)
      const env = { TEST_ADMIN_URL: cluster.adminUrl, TEST_TEMPLATE: TEMPLATE, TEST_SEED: seed }
      mkdirSync('.test', { recursive: true })
      writeFileSync(RESULTS, '')
      const result = (result: FileResult) => {
        writeFileSync(RESULTS, result.output, { flag: 'a' })
        console.log(result.report)
        passed += result.passed
        failed += result.failed
      }
      const count = 1 + Math.max(2, availableParallelism())
      await runFiles(files, { count, env, limits: LIMITS, signal: stopped.signal, result })
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

await main()
