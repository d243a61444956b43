import t from 'tap'
import { checkAssertions, driverSeam } from './assertions.ts'

const messages = (text: string, path = 'app/orders.ts') =>
  checkAssertions({ path, text }).map(v => v.message)

t.test('any, ! and as are found wherever they stand', async t => {
  t.match(messages('export const f = (a: any) => a\n'), [/any/])
  t.match(messages('export const f = (a: Map<string, any[]>) => a\n'), [/any/])
  t.match(messages('export const f = (a?: string) => a!.length\n'), [/`!`/])
  t.match(messages('const a = b as string\n'), [/`as`/])
  t.match(messages('const a = b as unknown as string\n'), [/`as`/, /`as`/])
  t.match(messages('const a = <string>b\n'), [/<T>value/])
})

t.test('as const, satisfies, renamed imports and words in text are fine', async t => {
  const text = [
    "import { a as b } from './a.ts'",
    'const c = [b] as const',
    'const d = { e: !b } satisfies Record<string, boolean>',
    "const f = 'any text as it comes!'",
  ]
  t.same(messages(text.join('\n')), [])
})

t.test('the driver seam alone may say as, and still not any or !', async t => {
  const [seam = ''] = [...driverSeam]
  t.same(messages('const a = b as string\n', seam), [])
  t.match(messages('const a = b as any\n', seam), [/any/])
  t.match(messages('const a = b!\n', seam), [/`!`/])
  t.match(messages('const a = b as string\n', 'tests/orders.test.ts'), [/`as`/])
})

t.test('the compiler may not be silenced', async t => {
  for (const word of ['ignore', 'nocheck', 'expect-error']) {
    t.match(messages(`// @ts-${word} because\nconst a = 1\n`), [/@ts-/])
  }
  t.same(messages('// ts is the name of a segment\nconst a = 1\n'), [])
})
