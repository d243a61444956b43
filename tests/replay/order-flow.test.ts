import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { createBookMirror } from './book-mirror.ts'
import { multiply, printUnits, toUnits } from './decimals.ts'
import { createParser } from './event-stream.ts'
import { readOrderFlow } from './order-flow.ts'

const meta = '{"meta": {"symbol": "X", "seed_orders": 0}}'
const submit =
  '{"op": "submit", "id": "1", "side": "buy", "type": "LIMIT", "price": "9.5", "qty": "3"}'

t.test('a file is read line by line, gzipped or plain', async t => {
  const text = `${meta}\n${submit}\n\n{"op": "cancel", "id": "1"}\n`

  const plain = await readAll(t, 'plain.jsonl', text)
  const zipped = await readAll(t, 'zipped.jsonl.gz', gzipSync(text))

  t.match(plain, [
    { lineNo: 2, step: { op: 'submit', price: '9.5' } },
    { lineNo: 4, step: { op: 'cancel', id: '1' } },
  ])
  t.strictSame(zipped, plain)
})

t.test('a line that cannot be read is named with its number', async t => {
  await t.rejects(readAll(t, 'a.jsonl', `${meta}\n{"op": `), /a\.jsonl:2: not JSON/)
  await t.rejects(readAll(t, 'b.jsonl', submit), /b\.jsonl:1: meta /)
  const number = submit.replace('"9.5"', '9.5')
  await t.rejects(readAll(t, 'c.jsonl', `${meta}\n${number}`), /c\.jsonl:2: price /)
  await t.rejects(readOrderFlow('nowhere.jsonl').next(), { code: 'ENOENT' })
  await t.rejects(readOrderFlow('nowhere.jsonl.gz').next(), { code: 'ENOENT' })
})

t.test('decimals are exact', async t => {
  t.equal(printUnits(toUnits('0.1') + toUnits('0.2')), '0.3')
  t.equal(
    printUnits(toUnits('-123456789012345678.000000000000000001')),
    '-123456789012345678.000000000000000001',
  )
  t.equal(printUnits(multiply(toUnits('585.47'), toUnits('18'))), '10538.46')
  t.throws(() => multiply(toUnits('0.000000001'), toUnits('0.0000000001')), /more than 18/)
  t.throws(() => toUnits('1e3'), /not a decimal/)
})

t.test('a mirrored level goes when nothing of it is left, and stays when something is', async t => {
  const book = createBookMirror()

  book.change('BUY', '9.5', '3', 1)
  book.change('BUY', '10', '2', 1)
  book.change('BUY', '9.50', '1', 1)
  book.change('BUY', '10', '-2', -1)
  t.strictSame(book.levels('BUY'), [['9.5', '4', 2]])

  book.change('BUY', '9.5', '-4', -1)
  t.strictSame(book.levels('BUY'), [['9.5', '0', 1]], 'an order without quantity shows')
})

t.test('messages of a stream are whole however it was cut, and its last id is known', async t => {
  const text = 'retry: 1000\nid: a\n\nevent: trade\nid: b\ndata: {"n":1}\n\n: heartbeat\nid: c\n\n'
  const told: unknown[] = []
  const parser = createParser(message => told.push(message))

  for (const character of text) parser.take(character)
  parser.take('event: trade\nid: d\ndata: {"n"')
  parser.restart()
  parser.take('event: book\nid: e\ndata: {}\n\n')

  t.strictSame(told, [
    { name: 'trade', data: '{"n":1}' },
    { name: 'book', data: '{}' },
  ])
  t.equal(parser.lastId(), 'e')
})

async function readAll(t: Test, name: string, content: string | Buffer) {
  const file = join(t.testdir(), name)
  writeFileSync(file, content)
  const lines = []
  for await (const line of readOrderFlow(file)) lines.push(line)
  return lines
}
