import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runChecks } from './report.ts'

const script = readFileSync(join(import.meta.dirname, '../../.ci/run'), 'utf8')

/** Runs .ci/run with an npm that only prints and exits as it is told. */
function runCi(npm: { ci?: number; check?: number; test?: number; says: string }) {
  const fake = `#!/bin/sh
echo "npm $*" >> calls
case "$1 $2" in
  "ci ") exit ${npm.ci ?? 0} ;;
  "run check") exit ${npm.check ?? 0} ;;
  "test ") printf '%b' '${npm.says}'; exit ${npm.test ?? 0} ;;
esac
`
  const dir = t.testdir({ '.ci': { run: script }, bin: { npm: fake, chromium: '' } })
  spawnSync('chmod', ['+x', 'bin/npm', 'bin/chromium'], { cwd: dir })
  const env = { ...process.env, PATH: `${dir}/bin:${process.env.PATH}` }
  const { status, stdout } = spawnSync('bash', ['.ci/run'], { cwd: dir, env, encoding: 'utf8' })
  const calls = readFileSync(join(dir, 'calls'), 'utf8').trim().split('\n')
  return { status, lines: stdout.trimEnd().split('\n'), calls }
}

t.test('.ci/run: runs the checks and the test command of the README, in this order', async t => {
  const { status, lines, calls } = runCi({ says: '12 passed, 0 failed\\n' })

  t.same(calls, ['npm ci', 'npm run check', 'npm install', 'npm test'])
  t.same(lines, ['12 passed, 0 failed'], 'the closing line stands once')
  t.equal(status, 0)
})

t.test('.ci/run: the last line and the exit code tell of every failure', async t => {
  const cases = [
    { npm: { says: '9 passed, 3 failed\\n', test: 1 }, last: '9 passed, 3 failed' },
    { npm: { says: '12 passed, 0 failed\\n', check: 1 }, last: '12 passed, 1 failed' },
    { npm: { says: '9 passed, 3 failed\\nnpm error\\n', test: 1 }, last: '9 passed, 3 failed' },
    { npm: { says: '12 passed, 0 failed\\n', test: 1 }, last: '12 passed, 1 failed' },
    { npm: { says: 'it crashed\\n', test: 1 }, last: '0 passed, 1 failed' },
    { npm: { says: 'nothing was said\\n', check: 1 }, last: '0 passed, 2 failed' },
    { npm: { says: '', ci: 1, test: 1 }, last: '0 passed, 2 failed' },
  ]
  for (const { npm, last } of cases) {
    const { status, lines } = runCi(npm)
    t.equal(lines.at(-1), last)
    t.not(status, 0)
  }
})

t.test('npm run check: a line a check, every violation, and all checks run', async t => {
  const printed: string[] = []
  const violation = { path: 'app/a.ts', line: 3, rule: 'line-width', message: 'too wide' }
  const isGreen = runChecks({ first: () => [violation], second: () => [] }, line =>
    printed.push(line),
  )

  t.notOk(isGreen)
  t.same(printed, [
    'FAIL first',
    '  app/a.ts:3  [line-width] too wide',
    'ok   second',
    '1 violations',
  ])
  t.ok(runChecks({ only: () => [] }, () => {}))
})
