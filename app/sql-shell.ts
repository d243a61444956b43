import { createInterface } from 'node:readline'
import pg from 'pg'
import { loadEnvironment, parseDatabaseConfig } from './config.ts'
import { findEmbedded } from './database/embedded.ts'

/**
 * `npm run sql [-- "select …"]`: a small psql for those who have none, as the owner of the
 * database. Without an argument it reads statements, each ended by a semicolon; \q ends it.
 */
async function main(statements: string[]): Promise<void> {
  const { databaseUrl, dataDir } = parseDatabaseConfig(loadEnvironment())
  const url = databaseUrl ?? (await findEmbedded(dataDir))
  if (url === null) {
    throw new Error(`no server runs on ${dataDir}: npm start first, or set DATABASE_URL`)
  }
  const client = new pg.Client({
    connectionString: url,
    application_name: 'pgsettle sql',
    // What PostgreSQL prints is what is shown: no number is rounded, no time moved.
    types: { getTypeParser: () => (text: string) => text },
  })
  client.on('error', () => {}) // the statement that runs, or the next, says it
  client.on('notice', notice => console.log(`${notice.severity}: ${notice.message}`))
  await client.connect()
  try {
    if (statements.length > 0) {
      for (const statement of statements) await execute(client, statement)
    } else {
      await readStatements(client)
    }
  } finally {
    await client.end()
  }
}

async function readStatements(client: pg.Client): Promise<void> {
  const isTerminal = process.stdin.isTTY === true
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: isTerminal,
  })
  let statement = ''
  const prompt = () => {
    if (!isTerminal) return
    lines.setPrompt(statement === '' ? 'pgsettle=> ' : 'pgsettle-> ')
    lines.prompt()
  }
  prompt()
  for await (const line of lines) {
    if (line.trim() === '\\q') break
    statement = statement === '' ? line.trimStart() : `${statement}\n${line}`
    if (statement.trimEnd().endsWith(';')) {
      await execute(client, statement)
      statement = ''
    }
    prompt()
  }
  lines.close()
  if (!isTerminal && statement.trim() !== '') await execute(client, statement)
}

/** A statement that fails is told; what follows it still runs. */
async function execute(client: pg.Client, statement: string): Promise<void> {
  try {
    // Several statements in one line give several results, which the driver's types leave out.
    const results: pg.QueryArrayResult<string[]> | pg.QueryArrayResult<string[]>[] =
      await client.query({ text: statement, rowMode: 'array' })
    for (const result of Array.isArray(results) ? results : [results]) {
      if (result.fields.length > 0) console.log(formatTable(result))
      else console.log(`${result.command} ${result.rowCount ?? ''}`.trim())
    }
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    console.error(`ERROR ${error.code}: ${error.message}`)
    if (error.detail) console.error(`DETAIL: ${error.detail}`)
    if (error.hint) console.error(`HINT: ${error.hint}`)
    process.exitCode = 1
  }
}

/** As psql does: a value of several lines takes several lines of its column. */
function formatTable({ fields, rows }: pg.QueryArrayResult<(string | null)[]>): string {
  const cells = [fields.map(field => field.name), ...rows].map(row =>
    row.map(value => (value ?? '').split('\n')),
  )
  const widths = fields.map((_, column) =>
    Math.max(...cells.flatMap(row => (row[column] ?? []).map(text => text.length))),
  )
  const lines = cells.map(row => {
    const height = Math.max(1, ...row.map(cell => cell.length))
    return Array.from({ length: height }, (_, at) =>
      widths.map((width, column) => ` ${(row[column]?.[at] ?? '').padEnd(width)} `).join('|'),
    ).join('\n')
  })
  lines.splice(1, 0, widths.map(width => '-'.repeat(width + 2)).join('+'))
  return `${lines.join('\n')}\n(${rows.length} ${rows.length === 1 ? 'row' : 'rows'})\n`
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
