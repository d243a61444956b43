import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import t from 'tap'
import { findCommands, findDifferences, withOutputs } from './console-blocks.ts'
import { normalise } from './normal-form.ts'
import { runSession } from './session.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const hasTools = ['bash', 'curl'].every(tool => spawnSync(tool, ['--version']).status === 0)

t.test('the README says what its commands print', { skip: !hasTools && 'no curl' }, async t => {
  const commands = findCommands(readme).map(each => each.command)
  t.ok(commands.length > 10)

  const outputs = await runSession(commands)

  t.strictSame(findDifferences(readme, outputs), [], 'npm run readme writes what is true')
  t.equal(withOutputs(readme, outputs), readme)
  const planted = readme.replace('"status":"FILLED"', '"status":"OPEN"')
  const [found, ...others] = findDifferences(planted, outputs)
  t.match(found, /^line \d+ says .*"status":"OPEN".*\n {2}it is .*"status":"FILLED"/)
  t.strictSame(others, [], 'a line that is not true is found, and no other')
})

t.test('the README and .env.example name the same variables with the same defaults', t => {
  const lines = readFileSync(join(root, '.env.example'), 'utf8').replace(/^#(?=[A-Z_]+=)/gm, '')
  for (const [name, value] of Object.entries(parseEnv(lines))) {
    const row = readme.split('\n').find(line => line.startsWith(`| \`${name}\` `))
    if (name === 'DATABASE_URL') t.match(row, 'the embedded server')
    else if (value === '') t.match(row, '| nothing ', name)
    else t.match(row, `\`${value}\``, name)
  }
  t.end()
})

t.test('the README names every npm script but the one that formats', t => {
  const { scripts }: { scripts: object } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  )
  for (const name of Object.keys(scripts)) {
    const call = name === 'start' || name === 'test' ? `npm ${name}` : `npm run ${name}`
    t.equal(readme.includes(`| \`${call}`), name !== 'format', call)
  }
  t.end()
})

t.test('commands and outputs are found by the dollar sign, also over several lines', t => {
  const text = 'a\n```console\n$ one \\\n  -x\nout\nput\n$ two\n```\nb\n```sh\n$ no\n```\n'

  t.strictSame(findCommands(text), [
    { line: 3, command: 'one \\\n  -x', output: ['out', 'put'] },
    { line: 7, command: 'two', output: [] },
  ])
  t.equal(
    withOutputs(text, [['new'], ['2', '3']]),
    'a\n```console\n$ one \\\n  -x\nnew\n$ two\n2\n3\n```\nb\n```sh\n$ no\n```\n',
  )
  t.strictSame(findDifferences(text, [['out', 'put'], []]), [])
  t.strictSame(findDifferences(text, [['out'], ['more']]), [
    'line 6 says put\n  it is (nothing)',
    'line 8 says (nothing)\n  it is more',
  ])
  t.throws(() => findCommands('```console\n$ one\n'), /line 1 has no end/)
  t.throws(() => findCommands('```console\nout\n```\n'), /line 2 is no command/)
  t.end()
})

t.test('two runs have one normal form, and equal times stay equal', t => {
  const early = '"at":"2026-11-20T08:51:45.310000Z"'
  const late = '"at":"2026-11-21T08:51:45.310001Z"'
  const run = [
    `{${late},"value_date":"2026-11-21","request_id":"8ee003c521-9"}\n`,
    `{"level":30}\n{${early},${late}}\nhttp://127.0.0.1:5871/ x\n`,
    '\n a | b  \n---\npsql "postgres://pgsettle:s3cret@127.0.0.1:22595/pgsettle"\n\n',
  ]

  t.strictSame(normalise(run, '5871'), [
    ['{"at":"2026-01-05T09:30:01.000000Z","value_date":"2026-01-05","request_id":"5f0c3a91d7-1"}'],
    [
      '{"at":"2026-01-05T09:30:00.000000Z","at":"2026-01-05T09:30:01.000000Z"}',
      'http://127.0.0.1:8080/ x',
    ],
    [' a | b', '---', 'psql "postgres://pgsettle:<password>@127.0.0.1:<port>/pgsettle"'],
  ])
  t.end()
})

t.test('a wide line of JSON is folded at commas, and joined it is the same again', t => {
  const value = Array.from({ length: 20 }, (_, no) => ({ no, text: `a, "b" and ${no}` }))
  const line = JSON.stringify(value)

  const [folded = []] = normalise([line], '1')

  t.ok(folded.length > 5)
  t.ok(folded.every(each => each.length <= 100))
  t.strictSame(JSON.parse(folded.join('\n')), value)
  t.end()
})
