import t from 'tap'
import { checkNames } from './names.ts'

const messages = (path: string) => checkNames({ path, text: '' }).map(v => v.message)

t.test('no folder and no file has a name that says nothing', async t => {
  for (const name of ['utils', 'common', 'lib', 'shared', 'types']) {
    t.match(messages(`app/${name}/orders.ts`), [/does not say what is inside/])
    t.match(messages(`app/${name}.ts`), [/does not say what is inside/])
  }
  t.same(messages('app/amounts.ts'), [])
})

t.test('TypeScript files are kebab-case', async t => {
  t.match(messages('app/naiveBook.ts'), [/kebab-case/])
  t.match(messages('app/naive_book.ts'), [/kebab-case/])
  t.match(messages('tests/NaiveBook.test.ts'), [/kebab-case/])
  t.same(messages('app/naive-book.ts'), [])
  t.same(messages('tests/naive-book.test.ts'), [])
})

t.test('an SQL file lies in the folder of a known schema and is snake_case', async t => {
  t.match(messages('sql/place_order.sql'), [/sql\/<schema>\/<object>/])
  t.match(messages('sql/orders/place_order.sql'), [/not one of the schemas/])
  t.match(messages('sql/matching/place-order.sql'), [/not snake_case/])
  t.same(messages('sql/matching/place_order.sql'), [])
})
