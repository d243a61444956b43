import t from 'tap'
import { checkImports } from './imports.ts'

const messages = (path: string, text: string) => checkImports({ path, text }).map(v => v.message)

t.test('app/ imports neither workers/ nor tests/', async t => {
  t.match(messages('app/server.ts', "import { a } from '../workers/main.ts'\n"), [/workers\//])
  t.match(messages('app/routes/a.ts', "export * from '../../tests/helpers/a.ts'\n"), [/tests\//])
  t.match(messages('app/server.ts', "const a = await import('../workers/a.ts')\n"), [/workers\//])
  t.match(messages('app/a.ts', "new Worker(new URL('../workers/a.mjs', import.meta.url))"), [
    /workers\//,
  ])
  t.same(messages('app/routes/a.ts', "import { a } from '../calls.ts'\n"), [])
})

t.test('workers/ imports app/, not tests/', async t => {
  t.match(messages('workers/main.ts', "import type { A } from '../tests/a.ts'\n"), [/tests\//])
  t.same(messages('workers/main.ts', "import { a } from '../app/server.ts'\n"), [])
})

t.test('tests/ import both, and a package may be called what it likes', async t => {
  t.same(messages('tests/a.ts', "import '../app/a.ts'\nimport '../workers/a.ts'\n"), [])
  t.same(messages('app/a.ts', "import 'workers/main.ts'\n"), [])
})
