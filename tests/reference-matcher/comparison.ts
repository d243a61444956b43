import { toUnits } from '../replay/decimals.ts'
import { type Command, keyOf } from './commands.ts'
import { plainWays, type Ways } from './entering.ts'
import { settledNotes } from './features.ts'
import { createMatcher, type Matcher } from './matcher.ts'
import { type Picture, pictureOf, printAnswer } from './pictures.ts'
import { type Play, type PlayCommand, type PlayStep, startMs, toPlay } from './plays.ts'
import type { Sequence } from './sequences.ts'
import type { SqlMarket } from './sql-market.ts'
import { type AnswerRow, printAnswerRow } from './sql-rows.ts'

/** What a sequence came to. */
export interface Comparison {
  /** What differs at the first step where something does, with all that led there. */
  differences: string[]
  trades: number
  commands: number
  /** Why it was not compared to its end: a note of the model. */
  cutBy: string | null
}

export interface HowToCompare {
  ways?: Ways | undefined
  /** Which notes of the model end no comparison. */
  settled?: Readonly<Record<string, boolean>> | undefined
}

/** Plays a sequence on both matchers and compares after each step; the audit is last. */
export async function compare(
  sql: SqlMarket,
  sequence: Sequence,
  { ways = plainWays, settled = settledNotes }: HowToCompare = {},
): Promise<Comparison> {
  const play = toPlay(sequence)
  const model = createMatcher(play.rules, play.traders, startMs, ways)
  const names = createNames()
  const told: string[] = []
  let commands = 0
  let cutBy: string | null = null
  await sql.begin(play)
  try {
    for (const step of play.steps) {
      if (step.do === 'batch') commands += step.commands.length
      const found = await playStep(sql, model, step, names, told)
      cutBy = [...model.market.notes].find(note => !settled[note]) ?? null
      // What it differs in by then is known, and may have ended the transaction.
      if (cutBy !== null && found.length > 0) return { differences: [], trades: 0, commands, cutBy }
      if (cutBy !== null) break
      if (found.length > 0) {
        return { differences: [...introduce(play), ...told, ...found], trades: 0, commands, cutBy }
      }
    }
    const differences = await sql.audit()
    return { differences, trades: model.market.trades.length, commands, cutBy }
  } finally {
    await sql.rollBack()
  }
}

/** The database's orders by the numbers of the model's. */
function createNames() {
  const numbers = new Map<string, number>()
  const ids = new Map<number, string>()
  return {
    add(orderId: string, no: number) {
      numbers.set(orderId, no)
      ids.set(no, orderId)
    },
    nameOf: (orderId: string) => {
      const no = numbers.get(orderId)
      return no === undefined ? `order ${orderId}` : `#${no}`
    },
    idOf: (no: number) => ids.get(no),
  }
}
type Names = ReturnType<typeof createNames>

async function playStep(
  sql: SqlMarket,
  model: Matcher,
  step: PlayStep,
  names: Names,
  told: string[],
): Promise<string[]> {
  told.push(printStep(step))
  const differences: string[] = []
  try {
    if (step.do === 'batch') differences.push(...(await playBatch(sql, model, step, names, told)))
    else await playOther(sql, model, step)
    const expected = pictureOf(model.market, sql.columns)
    const actual = await sql.picture(names.nameOf)
    differences.push(...differencesOf(expected, actual))
  } catch (error) {
    differences.push(`the database raised: ${error instanceof Error ? error.message : error}`)
  }
  return differences
}

async function playBatch(
  sql: SqlMarket,
  model: Matcher,
  step: PlayStep & { do: 'batch' },
  names: Names,
  told: string[],
): Promise<string[]> {
  if (step.commands.length === 0) return []
  const commands = step.commands.map(command => addressed(model, command, names))
  told.push(...commands.map(command => `  ${printCommand(command)}`))
  const { nowMs, isAtomic } = step
  const expected = model.execute(commands, { nowMs, isAtomic })
  const rows = await sql.execute(
    commands.map(command => toRow(command, names)),
    nowMs,
    isAtomic,
  )
  for (const [index, row] of rows.entries()) {
    const no = expected[index]?.order?.no
    const isPlace = commands[index]?.op === 'PLACE'
    if (isPlace && row.order_id !== null && no !== undefined) names.add(row.order_id, no)
  }
  return commands.flatMap((command, index) => {
    const answer = expected[index]
    const row = rows[index]
    if (!answer || !row) return [`command ${index + 1} is not answered`]
    const isTold = answer.order !== null && (answer.errorCode === null || command.op === 'PLACE')
    const wanted = isTold ? printAnswer(answer, sql.columns) : (answer.errorCode ?? 'nothing')
    const given = isTold ? printRow(row, names, sql) : (row.error_code ?? 'nothing')
    told.push(`  answer ${index + 1}: ${wanted}`)
    return wanted === given ? [] : [`answer ${index + 1}: expected ${wanted}`, `  got ${given}`]
  })
}

function printRow(row: AnswerRow, names: Names, sql: SqlMarket): string {
  return printAnswerRow(row, names.nameOf, sql.columns)
}

async function playOther(sql: SqlMarket, model: Matcher, step: PlayStep): Promise<void> {
  if (step.do === 'cancel all') {
    model.cancelAll(step.client_id, step.side, step.nowMs)
    await sql.cancelAll(step.client_id, step.side, step.nowMs)
  } else if (step.do === 'fees') {
    const { client_id, makerRate, takerRate, nowMs } = step
    const rates = { makerRate: toUnits(makerRate), takerRate: toUnits(takerRate) }
    model.setFees(client_id, rates, nowMs)
    await sql.setFees(client_id, makerRate, takerRate, nowMs)
  } else if (step.do === 'status') {
    if (model.market.status === 'DELISTED') return
    model.moveToStatus(step.to, step.nowMs, step.callMs)
    await sql.moveToStatus(step.to, step.nowMs, step.callMs ?? null)
  } else if (step.do === 'phase') {
    if (model.market.status !== 'ACTIVE') return
    model.moveToPhase(step.to, step.nowMs, step.end)
    await sql.moveToPhase(step.to, step.nowMs, step.end)
  } else {
    model.sweep(step.nowMs)
    await sql.sweep(step.nowMs)
  }
}

/** An order that stands already is named by its id when the command says so. */
function addressed({ market }: Matcher, { command, by }: PlayCommand, names: Names): Command {
  if (command.op === 'PLACE' || by === 'key') return command
  const { client_id, client_order_id, ...rest } = command
  const owners = [...market.traders.keys()]
  const found = owners
    .map(owner => market.keys.get(keyOf(owner, client_order_id ?? ''))?.order)
    .find(order => order !== undefined && names.idOf(order.no) !== undefined)
  if (!found) return command
  return by === 'id' ? { ...rest, order_no: found.no } : { ...rest, client_id, order_no: found.no }
}

function toRow(command: Command, names: Names): object {
  if (command.op === 'PLACE' || command.order_no === undefined) return command
  const { order_no, ...rest } = command
  return { ...rest, order_id: names.idOf(order_no) }
}

function differencesOf(expected: Picture, actual: Picture): string[] {
  const wanted = Object.entries(expected)
  const given = new Map(Object.entries(actual))
  return wanted.flatMap(([part, value]) => {
    const lines = linesOf(value)
    const others = linesOf(given.get(part))
    const names = [...new Set([...lines.keys(), ...others.keys()])]
    return names
      .filter(name => lines.get(name) !== others.get(name))
      .flatMap(name => [
        `${part} ${name}: expected ${lines.get(name) ?? 'nothing'}`,
        `  got ${others.get(name) ?? 'nothing'}`,
      ])
  })
}

/** The lines of a part of a picture, by their names or their places. */
function linesOf(part: unknown): Map<string, string> {
  if (typeof part === 'string') return new Map([['', part]])
  return new Map(Object.entries(part ?? {}).map(([name, line]) => [name, String(line)]))
}

function introduce({ symbol, rules, traders }: Play): string[] {
  const write = (value: object) =>
    JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? Number(field) / 1e18 : field))
  return [`${symbol.name} ${write(rules)}`, `traders ${write(traders)}`]
}

function printStep({ do: what, nowMs, ...step }: PlayStep): string {
  const fields = Object.entries(step).filter(([name]) => name !== 'commands')
  const words = fields.map(([name, value]) => `${name} ${JSON.stringify(value)}`).join(', ')
  return `+${nowMs - startMs} ms: ${what} ${words}`
}

function printCommand({ op, ...fields }: Command): string {
  return `${op} ${JSON.stringify(fields)}`
}
