import t from 'tap'
import { type Row, tableResponse } from '../../app/tables.ts'

async function* inParts(...parts: (readonly Row[])[]) {
  yield* parts
}

const table = (rows: AsyncIterable<readonly Row[]>) => ({
  name: 'odd',
  title: 'What <i>is</i> odd',
  columns: ['what', 'how_much'],
  rows,
})
const odd: Row[] = [
  ['a "word", or two', '1.50'],
  ['<script>alert(1)</script>', null],
  ['two\r\nlines', -7],
]

t.test('a table as CSV is quoted as RFC 4180 has it', async t => {
  const answer = tableResponse('CSV', table(inParts(odd.slice(0, 1), odd.slice(1))))

  t.match(answer.headers.get('content-disposition'), /"odd\.csv"/)
  t.equal(
    await answer.text(),
    'what,how_much\r\n"a ""word"", or two",1.50\r\n' +
      '<script>alert(1)</script>,\r\n"two\r\nlines",-7\r\n',
  )
})

t.test('a table as HTML has text in its cells, whatever it says', async t => {
  const answer = tableResponse('HTML', table(inParts(odd)))

  const page = await answer.text()
  t.match(page, '<title>What &lt;i&gt;is&lt;/i&gt; odd</title>')
  t.match(page, '<th scope="col">how much</th>')
  t.match(page, '<tr><td>a &quot;word&quot;, or two</td><td class="number">1.50</td></tr>')
  t.match(page, '<tr><td>&lt;script&gt;alert(1)&lt;/script&gt;</td><td></td></tr>')
  t.match(page, '<td class="number">-7</td></tr>')
  t.notMatch(page, '<script')
})

t.test('a table that fails on its way is broken off, in both forms', async t => {
  async function* failing() {
    yield odd
    throw new Error('the database is gone')
  }
  for (const format of ['CSV', 'HTML'] as const) {
    await t.rejects(tableResponse(format, table(failing())).text(), /the database is gone/)
  }
})

t.test('who stops reading stops the making', async t => {
  let made = 0
  let isOver = false
  async function* endless() {
    try {
      for (;;) {
        made++
        yield odd
      }
    } finally {
      isOver = true
    }
  }
  const reader = tableResponse('HTML', table(endless())).body?.getReader()
  await reader?.read()
  await reader?.read()
  await reader?.cancel()

  t.ok(isOver)
  t.ok(made < 10, `${made} parts were made`)
})
