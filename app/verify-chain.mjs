// Verifies an export of the ledger by Node.js alone: node verify-chain.mjs FILE [NUMBER:LINK]
//   psql "$DATABASE_URL" -c "\copy (select * from ops.chain_export()) to ledger.txt"
// Prints what is not as it was posted, then the last link; keep that elsewhere, and give it to a
// later run: whoever writes the whole chain anew cannot give it the same link again.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

const [file = '', kept] = process.argv.slice(2)
const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest()
const int = (bytes, value) => {
  const digits = BigInt.asUintN(bytes * 8, BigInt(value)).toString(16)
  return Buffer.from(digits.padStart(bytes * 2, '0'), 'hex')
}

/** An amount as PostgreSQL sends it: digits of base 10,000, their weight, sign and decimals. */
function numeric(text) {
  const [whole, decimals = ''] = text.replace('-', '').split('.')
  const left = whole.padStart(Math.ceil(whole.length / 4) * 4, '0')
  const right = decimals.padEnd(Math.ceil(decimals.length / 4) * 4, '0')
  const digits = `${left}${right}`.match(/.{4}/g).map(Number)
  let weight = left.length / 4 - 1
  for (; digits[0] === 0; weight--) digits.shift()
  while (digits.at(-1) === 0) digits.pop()
  const head = [digits.length, weight, text.startsWith('-') ? 0x4000 : 0, decimals.length]
  return Buffer.concat([...head, ...digits].map(value => int(2, value)))
}

/** What a link covers of a transfer; a zero when its time is not its journal's. */
function contentOf([kind, asset, debit, credit, amount, instruction, at], journalAt) {
  if (at !== journalAt) return Buffer.alloc(1)
  const head = [int(4, debit), int(4, credit), int(8, instruction), int(4, asset)]
  return Buffer.concat([...head, numeric(amount), Buffer.from(kind)])
}

/** The numbers of the lines, as PostgreSQL sends an array of int. */
function arrayOf(lines) {
  const head = lines.length === 0 ? [0, 0, 23] : [1, 0, 23, lines.length, 1]
  const items = lines.flatMap(line => [int(4, 4), int(4, line)])
  return Buffer.concat([...head.map(value => int(4, value)), ...items])
}

let [problems, isWhole, isKept, journal] = [0, false, kept === undefined, undefined]
let last = { number: 0, link: Buffer.alloc(0), made: undefined, id: null, isWrong: false }
const idOf = number => (number === last.number ? last.id : null)
function report(number, id, line, problem) {
  problems++
  console.log(`finality ${number ?? '-'} journal ${id ?? '-'} line ${line ?? '-'}: ${problem}`)
}

function check({ number, link, marks, lines, text, rows }) {
  const [, id, , at] = text.split(',')
  for (let n = last.number + 1; n < number; n++) report(n, null, null, 'missing')
  const places = new Map(lines.map((line, place) => [line, place]))
  const found = rows.map(([line, ...columns]) => ({ line, content: contentOf(columns, at) }))
  found.sort((a, b) => (places.get(a.line) ?? Infinity) - (places.get(b.line) ?? Infinity))
  const markAt = place => marks.toString('hex', 4 * place, 4 * place + 4)
  const all = new Set(lines.map((_, place) => markAt(place)))
  const here = new Set(found.map(({ line }) => line))
  const changes = lines.filter(line => !here.has(line)).map(line => [line, 'missing'])
  for (const { line, content } of found) {
    const mark = sha256(content).toString('hex', 0, 4)
    const problem = !places.has(line) ? 'added' : all.has(mark) ? 'reordered' : 'altered'
    if (mark !== markAt(places.get(line))) changes.push([line, problem])
  }
  const digest = sha256(Buffer.from(text), arrayOf(lines), sha256(...found.map(f => f.content)))
  const linkTo = before => sha256(before, int(8, number), digest)
  const made = number === last.number + 1 ? linkTo(last.link) : undefined
  // A link that was itself altered is not held against the next: that was linked to the right one.
  const isRight = made && (link.equals(made) || (last.made && link.equals(linkTo(last.made))))
  const isMarked = changes.length === 0 && marks.length === 4 * lines.length
  const named = isRight || changes.length === 0 ? [[null, 'altered']] : changes
  const isWrong = !isMarked || (made !== undefined && !isRight)
  if (isWrong) for (const [line, problem] of named) report(number, id, line, problem)
  if (kept === `${number}:${link.toString('hex')}`) isKept = true
  last = { number, link, made, id, isWrong }
}

for await (const row of createInterface({ input: createReadStream(file), crlfDelay: 1000 })) {
  const [word, first, second, ...rest] = row.trim().split(' ')
  if (word === 'transfer') journal.rows.push([Number(first), second, ...rest])
  else if (journal) journal = check(journal)
  if (word === 'journal') {
    const lines = rest[1] === 'n' ? [] : rest[1].slice(1).split(',').map(Number)
    const [link, marks] = [Buffer.from(second, 'hex'), Buffer.from(rest[0].slice(1), 'hex')]
    journal = { number: Number(first), link, marks, lines, text: rest.slice(2).join(' '), rows: [] }
  }
  if (word === 'orphan') report(null, first, second, 'orphaned')
  if (word === 'end') {
    for (let n = last.number + 1; n <= Number(first); n++) report(n, null, null, 'missing')
    for (let n = Number(first) + 1; n <= last.number; n++) report(n, idOf(n), null, 'added')
    const isEnd = last.number !== Number(first) || second === `x${last.link.toString('hex')}`
    if (!isEnd && !last.isWrong) report(last.number, last.id, null, 'altered')
    isWhole = true
  }
}
if (!isWhole) report(null, null, null, 'the export has no end')
if (!isKept) report(null, null, null, 'the link that was kept is not in the chain')
console.log(`${problems} problems; the last link is ${last.number}:${last.link.toString('hex')}`)
process.exitCode = problems === 0 ? 0 : 1
