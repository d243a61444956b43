import { execFile } from 'node:child_process'
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { testDatabase } from '../helpers/database.ts'
import {
  audit,
  buy,
  createMarket,
  execute,
  fund,
  type Queryable,
  settle,
} from '../helpers/market.ts'
import { createFlow } from '../helpers/random-flow.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'
import { openSession } from '../helpers/session.ts'

/** A folder in which the script stands alone, as it does with a stranger. */
function scriptFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'pgsettle-chain-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  copyFileSync('app/verify-chain.mjs', join(folder, 'verify-chain.mjs'))
  return folder
}

/** Links all journals, by what the migration does that brought links to those that stood. */
async function relink(db: Queryable): Promise<void> {
  const files = ['migrations/current.sql', ...committed()]
  const begin = '-- Links for the journals that stand already'
  const text = files.map(file => readFileSync(file, 'utf8')).find(one => one.includes(begin)) ?? ''
  const block = text.slice(text.indexOf(begin)).match(/do \$\$[\s\S]*?\n\$\$;/)?.[0]
  await db.query(block ?? 'it is in no migration')
}
const committed = () =>
  readdirSync('migrations/committed').map(name => join('migrations/committed', name))

interface Verdict {
  /** `finality journal line: problem`, of what is wrong. */
  found: string[]
  end: string
}

async function verifyExport(db: Queryable, folder: string, kept: string[] = []): Promise<Verdict> {
  const rows = await db.query<{ line: string }>('select e.line from ops.chain_export() as e (line)')
  const text = rows.map(({ line }) => `${line}\n`).join('')
  return verifyText(text, folder, kept)
}

function verifyText(text: string, folder: string, kept: string[] = []): Promise<Verdict> {
  writeFileSync(join(folder, 'ledger.txt'), text)
  const call = ['verify-chain.mjs', 'ledger.txt', ...kept]
  return new Promise((resolve, reject) => {
    execFile(process.execPath, call, { cwd: folder }, (error, stdout, stderr) => {
      if (stderr !== '') return reject(new Error(stderr))
      const lines = stdout.trim().split('\n')
      const found = lines.slice(0, -1).map(line => line.replace(/finality |journal |line /g, ''))
      if (Boolean(error) !== found.length > 0) return reject(error ?? new Error(stdout))
      resolve({ found: found.sort(), end: lines.at(-1) ?? '' })
    })
  })
}

async function verifyTables(db: Queryable): Promise<string[]> {
  const rows = await db.query('select * from ops.verify_chain()')
  const print = (value: unknown) => (value === null ? '-' : String(value))
  return rows
    .map(r => `${print(r.finality_no)} ${print(r.journal_id)} ${print(r.line_no)}: ${r.problem}`)
    .sort()
}

/**
 * Journals 1 and 2 are deposits, 3 settles two trades in the lines 1 to 3 and 5 to 7 (makers pay
 * no fee), 4 is a deposit and 5 settles one trade. Ids and finality numbers are the same.
 */
async function ledger(db: Queryable): Promise<void> {
  await createMarket(db, {
    symbols: { 'BTC-USD': { maker_rate: '0' } },
    traders: { alice: { USD: '1000' }, bob: { BTC: '10' } },
  })
  const sell = { ...buy('bob', '1', '100'), side: 'SELL' }
  await execute(db, 'BTC-USD', [sell, buy('alice', '0.5', '100'), buy('alice', '0.25', '100')])
  await settle(db)
  await fund(db, 'alice', 'USD', '0.00012345')
  await execute(db, 'BTC-USD', [buy('alice', '0.125', '100')])
  await settle(db)
}

const set = (columns: string, where: string) =>
  `update ledger.transfers set ${columns} where ${where}`
const swap =
  'debit_participant_id = credit_participant_id, credit_participant_id = debit_participant_id'

const drop = (id: number) => `delete from ledger.transfers where journal_id = ${id};
  delete from ledger.journals where journal_id = ${id}`

/** What is done to the ledger, and what both must name. */
const tamperings: [what: string, statement: string, named: string[]][] = [
  ['one bit of an amount', set('amount = 1001', 'journal_id = 1'), ['1 1 1: altered']],
  ['the last decimal', set('amount = 0.00012344', 'journal_id = 4'), ['4 4 1: altered']],
  ['only how it is written', set('amount = 1000.0', 'journal_id = 1'), ['1 1 1: altered']],
  [
    'an asset',
    set('asset_id = asset_id # 1', 'journal_id = 3 and line_no = 2'),
    ['3 3 2: altered'],
  ],
  ['who pays', set(swap, 'journal_id = 3 and line_no = 1'), ['3 3 1: altered']],
  [
    'who is paid',
    set('credit_participant_id = 2', 'journal_id = 3 and line_no = 6'),
    ['3 3 6: altered'],
  ],
  ['a kind', set("kind = 'PAYMENT'", 'journal_id = 2'), ['2 2 1: altered']],
  [
    'an instruction',
    set('instruction_id = instruction_id + 1', 'journal_id = 5 and line_no = 2'),
    ['5 5 2: altered'],
  ],
  ['a time', set("posted_at = posted_at + '1 us'", 'journal_id = 2'), ['2 2 1: altered']],
  [
    'a line number',
    set('line_no = 9', 'journal_id = 5 and line_no = 2'),
    ['5 5 2: missing', '5 5 9: added'],
  ],
  [
    'two rows in each other’s place',
    [
      set('line_no = 9', 'journal_id = 3 and line_no = 2'),
      set('line_no = 2', 'journal_id = 3 and line_no = 5'),
      set('line_no = 5', 'journal_id = 3 and line_no = 9'),
    ].join(';'),
    ['3 3 2: reordered', '3 3 5: reordered'],
  ],
  [
    'a row lost',
    'delete from ledger.transfers where journal_id = 3 and line_no = 3',
    ['3 3 3: missing'],
  ],
  [
    'a row added',
    `insert into ledger.transfers select segment_id, journal_id, 4, kind, asset_id,
      debit_participant_id, credit_participant_id, amount, instruction_id, posted_at
    from ledger.transfers where journal_id = 3 and line_no = 2`,
    ['3 3 4: added'],
  ],
  [
    'a row added at another time',
    `insert into ledger.transfers select segment_id, journal_id, line_no, kind, asset_id,
      debit_participant_id, credit_participant_id, 7, instruction_id, posted_at + '1 s'
    from ledger.transfers where journal_id = 1`,
    ['1 1 1: altered'],
  ],
  [
    'a row of no journal',
    set('journal_id = 77', 'journal_id = 2'),
    ['- 77 1: orphaned', '2 2 1: missing'],
  ],
  ['a journal in the middle', drop(3), ['3 - -: missing']],
  [
    'a journal without its rows',
    'delete from ledger.journals where journal_id = 4',
    ['- 4 1: orphaned', '4 - -: missing'],
  ],
  ['the first journal', drop(1), ['1 - -: missing']],
  ['the last journal', drop(5), ['5 - -: missing']],
  [
    'a row behind a journal that is gone',
    `${drop(2)}; ${set('amount = amount + 1', 'journal_id = 3 and line_no = 2')}`,
    ['2 - -: missing', '3 3 2: altered'],
  ],
  [
    'a journal of its own making',
    `insert into ledger.journals select segment_id, 6, 6, kind, posted_at, instruction_ids,
      transfer_count, line_nos, line_marks, link from ledger.journals where journal_id = 4`,
    ['6 6 -: added', '6 6 1: missing'],
  ],
  [
    'the time of a journal',
    "update ledger.journals set posted_at = posted_at + '1 us' where journal_id = 1",
    ['1 1 1: altered'],
  ],
  [
    'the kind of a journal',
    "update ledger.journals set kind = 'WITHDRAWAL' where journal_id = 1",
    ['1 1 -: altered'],
  ],
  [
    'what a journal settled',
    "update ledger.journals set instruction_ids = '{7}' where journal_id = 5",
    ['5 5 -: altered'],
  ],
  [
    'a count',
    'update ledger.journals set transfer_count = 2 where journal_id = 1',
    ['1 1 -: altered'],
  ],
  [
    'a mark',
    `update ledger.journals
    set line_marks = set_byte(line_marks, 5, get_byte(line_marks, 5) # 1) where journal_id = 3`,
    ['3 3 -: altered'],
  ],
  [
    'a link',
    `update ledger.journals set link = set_byte(link, 0, get_byte(link, 0) # 1)
    where journal_id = 3`,
    ['3 3 -: altered'],
  ],
  [
    'the last link',
    'update ledger.journals set link = sha256(link) where journal_id = 5',
    ['5 5 -: altered'],
  ],
  [
    'the link that is kept of the end',
    'update ledger.segment_state set last_link = sha256(last_link)',
    ['5 5 -: altered'],
  ],
  [
    'the number of the end',
    'update ledger.segment_state set last_finality_no = 4',
    ['5 5 -: added'],
  ],
]

t.test('both name what was changed with all rights and no triggers [LED-010]', async t => {
  const db = await testDatabase(t)
  await ledger(db)
  const folder = scriptFolder(t)
  const owner = await openSession(t, db.url)
  t.same(await verifyTables(owner), [], 'untouched')
  t.match(await verifyExport(owner, folder), { found: [], end: /^0 problems; the last link is 5:/ })

  for (const [what, statement, named] of tamperings) {
    await owner.query('begin')
    await owner.query('set local session_replication_role = replica')
    await owner.query(statement)
    const byTables = await verifyTables(owner)
    const byExport = await verifyExport(owner, folder)
    await owner.query('rollback')

    t.same(byTables, named, `${what}: by the tables`)
    t.same(byExport.found, named, `${what}: by the export`)
  }
})

t.test('journals that stood before there were links got those they would have got', async t => {
  const db = await testDatabase(t)
  await ledger(db)
  const links = 'select line_nos, line_marks, link from ledger.journals order by finality_no'
  const posted = await db.query(links)
  await db.query("update ledger.journals set line_nos = '{}', line_marks = '', link = ''")
  await db.query("update ledger.segment_state set last_link = ''")

  await relink(db)

  t.strictSame(await db.query(links), posted)
  t.same(await verifyTables(db), [])
})

t.test('who writes the chain anew is told by a link that was kept', async t => {
  const db = await testDatabase(t)
  await ledger(db)
  const folder = scriptFolder(t)
  const { end } = await verifyExport(db, folder)
  const kept = end.replace(/.* /, '')
  t.same((await verifyExport(db, folder, [kept])).found, [])

  await db.query('update ledger.transfers set amount = 2000 where journal_id = 1')
  await relink(db)

  t.same(await verifyTables(db), [], 'nobody can tell it from the tables')
  t.same((await verifyExport(db, folder)).found, [])
  t.same((await verifyExport(db, folder, [kept])).found, [
    '- - -: the link that was kept is not in the chain',
  ])
})

t.test('an export that was cut off is no whole one', async t => {
  const db = await testDatabase(t)
  await ledger(db)
  const rows = await db.query<{ line: string }>('select e.line from chain_export() as e (line)')
  const text = rows
    .map(({ line }) => line)
    .slice(0, -1)
    .join('\n')

  const { found } = await verifyText(text, scriptFolder(t))

  t.same(found, ['- - -: the export has no end'])
})

t.test(`deposits and settlements at once leave a chain that is whole (seed ${seed})`, async t => {
  const random = randomNumbers()
  const db = await testDatabase(t)
  const traders = ['alice', 'bob', 'carol']
  const funds = { USD: '100000', BTC: '1000' }
  await createMarket(db, { traders: Object.fromEntries(traders.map(name => [name, funds])) })
  const next = createFlow({ random, traders, middle: 100 })
  for (let batch = 0; batch < 10; batch++) await execute(db, 'BTC-USD', next(40))
  const sessions = await Promise.all([1, 2, 3, 4].map(() => openSession(t, db.url)))

  const settleAll = async (session: Queryable) => {
    for (let claimed = 1; claimed > 0; ) {
      claimed = (await settle(session, { limit: 1 + Math.floor(random() * 20) })).claimed
      await fund(session, 'alice', 'USD', '0.5')
    }
  }
  await Promise.all(sessions.map(settleAll))

  const [row] = await db.query('select count(*)::int as journals from ledger.journals')
  t.ok(row?.journals > 20, `${row?.journals} journals`)
  t.same(await verifyTables(db), [])
  t.same((await verifyExport(db, scriptFolder(t))).found, [])
  t.same(await audit(db), [])
})
