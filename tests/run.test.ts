import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { FileResult } from './helpers/report.ts'
import { runFiles } from './helpers/test-process.ts'

const GOOD = "t.test('good', async t => { t.pass('yes') })"
const FOREVER = 'await new Promise(() => setInterval(() => {}, 1000))'
const BLOCKED = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'

/** Runs files of these texts, one after the other; their results, without folders and times. */
async function runTexts(
  t: Test,
  texts: Record<string, string>,
  limits = { fileMs: 30_000, endMs: 10_000 },
): Promise<FileResult[]> {
  const named = Object.entries(texts).map(([name, text]) => [name, `import t from 'tap'\n${text}`])
  const dir = t.testdir(Object.fromEntries(named))
  const results: FileResult[] = []
  await runFiles(
    Object.keys(texts).map(name => join(dir, name)),
    {
      ...{ count: 1, env: {}, limits, signal: new AbortController().signal },
      result: result => results.push(result),
    },
  )
  return results.map(result => ({
    ...result,
    report: result.report.replaceAll(`${dir}/`, '').replace(/ in \d+ ms/, ''),
  }))
}

t.test('a file that fails is told of, and those after it are run', async t => {
  const results = await runTexts(t, {
    'good.ts': GOOD,
    'fails.ts': "t.test('bad', async t => { t.pass('yes'); t.equal(1, 2, 'is two') })",
    'rejects.ts': "t.test('bad', async () => { throw new Error('in a test') })",
    'throws.ts': `${GOOD}\nthrow new Error('at the top')`,
    'late.ts': `const late = new Promise(done => setTimeout(() => {
        setImmediate(done)
        throw new Error('by a timer')
      }))
      t.test('waits', async t => { await late; t.pass() })`,
    'nothing.ts': '',
    'skipped.ts': "t.test('later', { skip: true }, async t => { t.fail() })",
    'last.ts': GOOD,
  })

  const [, fails, rejects, throws, late] = results.map(result => result.report)
  t.same(
    results.map(({ report }) => report.split('\n')[0]),
    [
      'ok - good.ts # 1',
      'not ok - fails.ts # 1',
      'not ok - rejects.ts # 0',
      'not ok - throws.ts # 1',
      late?.split('\n')[0],
      'not ok - nothing.ts # 0 # tested nothing',
      'ok - skipped.ts # 0',
      'ok - last.ts # 1',
    ],
  )
  t.same(
    results.map(result => result.failed),
    [0, 1, 1, 1, 1, 1, 0, 0],
  )
  t.match(fails, /^ {4}not ok 2 - is two$/m)
  t.match(rejects, 'in a test')
  t.match(throws, 'at the top')
  t.match(late, 'not ok - late.ts # 0')
  t.match(late, 'by a timer')
})

t.test('a file that takes its process with it is told of, and so are all others', async t => {
  const results = await runTexts(
    t,
    {
      'good.ts': GOOD,
      'exits.ts': `${GOOD}\nt.test('exits', async () => process.exit(0))`,
      'dies.ts': "t.test('dies', async () => { process.kill(process.pid, 'SIGKILL') })",
      'waits-for-nothing.ts': "t.test('waits', async () => { await new Promise(() => {}) })",
      'waits.ts': `t.test('is for ever', async () => { ${FOREVER} })`,
      'blocks.ts': `t.test('blocks', async () => { ${BLOCKED} })`,
      'last.ts': GOOD,
    },
    { fileMs: 3000, endMs: 2000 },
  )

  const heads = results.map(({ report }) => report.split('\n')[0])
  t.same(heads, [
    'ok - good.ts # 1',
    'not ok - exits.ts # 0 # ended with 1',
    'not ok - dies.ts # 0 # ended with SIGKILL',
    'not ok - waits-for-nothing.ts # 0',
    'not ok - waits.ts # 0',
    'not ok - blocks.ts # 0 # ended with SIGKILL',
    'ok - last.ts # 1',
  ])
  t.match(results[4]?.report, 'is for ever', 'tap tells which test it was')
})

t.test('what is left open when all files have passed is a failure of them together', async t => {
  const limits = { fileMs: 30_000, endMs: 500 }
  const results = await runTexts(
    t,
    { 'good.ts': GOOD, 'leaves.ts': `${GOOD}\nsetInterval(() => {}, 1000)` },
    limits,
  )

  t.same(
    results.map(({ report, failed }) => [report, failed]),
    [
      ['ok - good.ts # 1', 0],
      ['ok - leaves.ts # 1', 0],
      ['not ok - the end of good.ts leaves.ts # 0 # ended with SIGKILL', 1],
    ],
  )
})

t.test('the teardowns and folders of a file are its own', async t => {
  const results = await runTexts(t, {
    'first.ts': `globalThis.order = []
      t.teardown(() => order.push('made first, torn down last'))
      t.teardown(() => order.push('torn down first'))
      t.test('goes on', async t => { t.same(order, []) })`,
    'second.ts': `t.test('goes on', async t => {
      t.same(order, ['torn down first', 'made first, torn down last'])
      t.match(t.testdirName, /second\\.ts-goes-on$/)
    })`,
  })

  t.same(
    results.map(result => result.report),
    ['ok - first.ts # 1', 'ok - second.ts # 2'],
  )
})
