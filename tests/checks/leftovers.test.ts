import t from 'tap'
import { checkLeftovers } from './leftovers.ts'

const found = (text: string) => checkLeftovers({ path: 'app/a.ts', text }).map(v => v.line)
/** Spelled apart, so that this file has none itself. */
const notes = [
  ['TO', 'DO'],
  ['FIX', 'ME'],
].map(parts => parts.join(''))
const folders = ['work', 'root', 'home', 'Users']

t.test('no notes to self', async t => {
  for (const note of notes) {
    t.same(found(`const a = 1\n// ${note}: mend it\n`), [2])
    t.same(found(`-- ${note} [MAT-001]\n`), [1])
  }
  t.same(found('// what there is to do, and a method of todos\n'), [])
})

t.test('no paths of one machine', async t => {
  for (const folder of folders) {
    t.same(found(`const a = '/${folder}/someone/file'\n`), [1])
    t.same(found(`cd /${folder}/someone\n`), [1])
    t.same(found(`DATA=/${folder}/data\n`), [1])
  }
  t.same(found("import './home/page.ts'\nconst a = 'app/work/b'\n"), [])
  t.same(found('/var/lib/postgresql\n/usr/bin/chromium\n'), [])
})
