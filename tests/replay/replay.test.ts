import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { audit } from '../helpers/market.ts'
import { findRecorded, noData } from './recorded-data.ts'
import { isClean, replay } from './replay.ts'
import { startTestVenue } from './test-venue.ts'

const files = findRecorded('order_flow', '.jsonl.gz')
const skipped = files.length === 0 ? { skip: noData } : {}

t.test('recorded order flow trades as it did on its own market', skipped, async t => {
  const { url, database } = await startTestVenue(t)

  for (const file of files) {
    const result = await replay({ url, file, batch: 250 })

    t.strictSame(result.words, [], `${basename(file)}: nothing differs`)
    t.ok(isClean(result), `${result.commands} commands, ${result.trades} trades, all settled`)
    t.equal(result.trades, countStated(file), 'as many trades as are stated')
  }
  t.strictSame(await audit(database), [], 'the audit finds nothing')
})

t.test('the replay finds what is planted', skipped, async t => {
  const { url } = await startTestVenue(t)
  const [file = ''] = files
  const lines = gunzipSync(readFileSync(file)).toString().split('\n')
  const head = lines.slice(0, 400)
  const dir = t.testdir()

  const changedMaker = plant(dir, head, /("trades": \[\{"maker": ")\d+/, '$1777')
  const maker = await replay({ url, file: changedMaker.file })
  t.match(maker.differences, { trades: 1, books: 0, answers: 0 }, 'a changed maker')
  t.match(maker.words, [`line ${changedMaker.lineNo}, `], 'by its line')
  t.match(maker.words, [/stated are \[\d+ at [\d.]+ of 777 by /], 'and what is stated there')
  t.notOk(isClean(maker))

  const changedTop = plant(dir, head, /("top": \{"ask": \["[\d.]+", ")\d+/, '$1777')
  const top = await replay({ url, file: changedTop.file })
  t.match(top.differences, { trades: 0, books: 1, answers: 0 }, 'a changed top')
  t.match(top.words, [new RegExp(`^line ${changedTop.lineNo}, .* stated is 777 at `)])

  const changedBook = plant(dir, head, /(\], \["[\d.]+", ")\d+("\]\], "asks_complete")/, '$1777$2')
  const book = await replay({ url, file: changedBook.file })
  t.match(book.differences, { trades: 0, books: 1, answers: 0 }, 'a changed last level of a book')

  const doubled = [...head.slice(0, 150), head[149] ?? '']
  const refused = await replay({ url, file: write(dir, 'doubled', doubled), batch: 1 })
  t.match(refused.differences, { answers: 1 }, 'a command that is not taken as a new one')
})

/** A copy of the lines with the last place changed that fits; the line it is in. */
function plant(dir: string, lines: readonly string[], pattern: RegExp, replacement: string) {
  const index = lines.findLastIndex(line => pattern.test(line))
  const changed = lines.map((line, at) =>
    at === index ? line.replace(pattern, replacement) : line,
  )
  return { file: write(dir, `planted-${index}`, changed), lineNo: index + 1 }
}

function write(dir: string, name: string, lines: readonly string[]): string {
  const file = join(dir, `${name}.jsonl`)
  writeFileSync(file, lines.join('\n'))
  return file
}

function countStated(file: string): number {
  return gunzipSync(readFileSync(file)).toString().split('"maker": ').length - 1
}
