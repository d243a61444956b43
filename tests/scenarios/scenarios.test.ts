import { basename } from 'node:path'
import t, { type Test } from 'tap'
import { type TestDatabase, testDatabase } from '../helpers/database.ts'
import { audit } from '../helpers/market.ts'
import { findRecorded, noData } from '../replay/recorded-data.ts'
import { readScenarios, reasonToSkip, type Scenario, toCommands } from './scenario.ts'
import { compare, compareAllTrades, compareBooks, look } from './scenario-checks.ts'
import {
  type CommandOutcome,
  createScenarioMarket,
  type ScenarioMarket,
  scenarioTime,
} from './scenario-market.ts'

const files = findRecorded('scenarios', '.jsonl')

t.test('published scenarios', files.length === 0 ? { skip: noData } : {}, async t => {
  const database = await testDatabase(t)
  await database.query('select ops.maintain_partitions($1)', [scenarioTime])
  let marketNo = 0
  for (const file of files) {
    for (const scenario of readScenarios(file)) {
      const name = `${basename(file, '.jsonl')} ${scenario.id}: ${scenario.name}`
      const reason = reasonToSkip(scenario)
      marketNo += 2
      await t.test(name, reason === undefined ? {} : { skip: reason }, async t =>
        playTwice(t, database, scenario, marketNo),
      )
    }
  }
  t.strictSame(await audit(database), [], 'the audit finds nothing')
})

/** Command by command against all that is stated, then as one batch, which may change nothing. */
async function playTwice(
  t: Test,
  database: TestDatabase,
  scenario: Scenario,
  marketNo: number,
): Promise<void> {
  const singly = await createScenarioMarket(database, marketNo)
  const { outcomes, differences } = await playSingly(singly, scenario)
  t.strictSame(differences, [], 'each step is as stated')
  t.strictSame(await compareEnd(singly, scenario), [], 'the end is as stated')

  const together = await createScenarioMarket(database, marketNo + 1)
  const commands = toCommands(scenario).filter(command => command !== undefined)
  const answers = await together.execute(commands)
  t.strictSame(await compareEnd(together, scenario), [], 'the end of the batch is as stated')
  t.strictSame(await together.dump(), await singly.dump(), 'the batch wrote the same')
  const isPlace = (_: unknown, index: number) => commands[index]?.op === 'PLACE'
  const place = (rows: CommandOutcome[]) => rows.filter(isPlace).map(withoutTradeIds)
  t.strictSame(place(answers), place(outcomes), 'the batch answered each order the same')
  const refusals = (rows: CommandOutcome[]) => rows.map(row => row.error_code)
  t.strictSame(refusals(answers), refusals(outcomes), 'and refused the same commands')
}

async function playSingly(market: ScenarioMarket, scenario: Scenario) {
  const outcomes: CommandOutcome[] = []
  const differences: string[] = []
  for (const [index, command] of toCommands(scenario).entries()) {
    const step = scenario.steps[index]
    const tradesBefore = step?.expect?.trades ? (await market.trades()).length : 0
    const [outcome] = command === undefined ? [] : await market.execute([command])
    if (outcome) outcomes.push(outcome)
    if (!step?.expect) continue
    const found = compare(step.expect, await look(market, outcome, tradesBefore))
    differences.push(...found.map(text => `step ${index + 1}, ${step.op} ${step.id}: ${text}`))
  }
  return { outcomes, differences }
}

async function compareEnd(market: ScenarioMarket, scenario: Scenario): Promise<string[]> {
  return [
    ...compareAllTrades(scenario.expected_trades, await market.trades()),
    ...compareBooks(scenario.expected_book, await market.book()),
  ]
}

/** Trade ids begin with the symbol's: what follows is the event number. */
function withoutTradeIds({ fills, ...rest }: CommandOutcome) {
  return { ...rest, fills: JSON.stringify(fills).replaceAll(/"trade_id":"\d+(\d{12})"/g, '"$1"') }
}
