import { spawnSync } from 'node:child_process'
import t from 'tap'

const run = (url: string, ...args: string[]) =>
  spawnSync(process.execPath, ['--import', 'tsx', 'tests/replay/main.ts', ...args], {
    env: { ...process.env, REPLAY_URL: url },
    encoding: 'utf8',
  })

t.test('the command says how it is called, and when nobody answers', async t => {
  const nowhere = 'http://127.0.0.1:9'

  const unnamed = run(nowhere)
  t.equal(unnamed.status, 2)
  t.match(unnamed.stderr, /^no FILE is given\n\nnpm run replay -- /)

  const tooLarge = run(nowhere, '--batch', '501', 'file.jsonl')
  t.equal(tooLarge.status, 2)
  t.match(tooLarge.stderr, /^--batch is '501'; allowed: whole numbers from 1 to 500\n/)

  const alone = run(nowhere, 'file.jsonl')
  t.equal(alone.status, 1)
  t.equal(alone.stderr, `no service answers at ${nowhere}: start one with npm start\n`)
})
