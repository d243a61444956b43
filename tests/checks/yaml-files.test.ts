import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkCompose } from './compose.ts'
import { checkTaskfile } from './taskfile.ts'
import type { Violation } from './violation.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => ({ path, text: readFileSync(join(root, path), 'utf8') })
const print = (violations: Violation[]) => violations.map(v => `${v.line} ${v.rule} ${v.message}`)

const compose = read('compose.yaml')
const composeWith = (from: string, to: string) =>
  print(checkCompose({ ...compose, text: compose.text.replace(from, to) }))

const taskfile = read('Taskfile.yml')
const used = ['start', 'test', 'check', 'demo', 'bench', 'migrate', 'property']
const scripts = Object.fromEntries(used.map(name => [name, 'a']))
const allScripts = { path: 'package.json', text: JSON.stringify({ scripts }) }
const taskfileWith = (from: string, to: string) =>
  print(checkTaskfile({ ...taskfile, text: taskfile.text.replace(from, to) }, allScripts))

t.test('compose.yaml is as docker compose reads it', async t => {
  t.same(print(checkCompose(compose)), [])
})

t.test('a planted fault in compose.yaml is found, with its line', async t => {
  const image = compose.text.split('\n').findIndex(line => line.includes('image:')) + 1
  t.match(composeWith('image:', 'imagee:'), [/required property 'image'/, `${image} yaml-schema`])
  t.match(composeWith('volumes:', 'volums:'), [/volums/])
  t.match(composeWith('- 127.0.0.1:', '- '), [/must match pattern/], 'open to every network')
  t.match(composeWith('image: postgres:18', 'image: postgres'), [/must match pattern/])
  t.match(composeWith('service_healthy', 'service_helthy'), [/must be equal to one of/])
  t.match(composeWith('interval: 2s', 'interval: 2'), [/must be string/])
  t.match(composeWith('- pgdata:', '- pgdatas:'), [/compose-reference "pgdatas"/])
  t.match(composeWith('      db:\n        cond', '      dbs:\n        cond'), [/"dbs"/])
  t.match(composeWith('services:', 'services:\n  services:')[0], /yaml-s/)
  t.match(composeWith('name: pgsettle', 'name: [pgsettle'), [/yaml-syntax/])
})

t.test('compose.yaml holds PostgreSQL 18 and PgBouncer in transaction mode', async t => {
  t.match(compose.text, 'image: postgres:18\n')
  t.match(compose.text, ':/var/lib/postgresql\n', 'where images from 18 on keep their data')
  t.match(compose.text, 'POOL_MODE: transaction\n')
})

t.test('Taskfile.yml is as go-task reads it', async t => {
  t.same(print(checkTaskfile(taskfile, read('package.json'))), [])
})

t.test('a planted fault in Taskfile.yml is found', async t => {
  t.match(taskfileWith('version: "3"', 'version: 3'), [/must be equal to constant/])
  t.match(taskfileWith('cmd: npm test', 'commands: npm test'), [
    /required property 'cmd'/,
    /additional properties: "commands"/,
  ])
  t.match(taskfileWith('\n  demo:', '\n  demos:'), [/required property 'demo'/])
  t.match(taskfileWith('cmd: npm test', 'cmd: rm -r .data'), [/must match pattern/])
  t.match(taskfileWith('npm run bench', 'npm run banch'), [/no script "banch"/])
})
