import t, { type Test } from 'tap'
import { testDatabase } from '../helpers/database.ts'
import {
  type Answer,
  audit,
  balances,
  createMarket,
  execute,
  type Queryable,
  type TestCommand,
} from '../helpers/market.ts'
import { drawnBook, dumpMarket, hashMarket, toldEvents } from './market-views.ts'

export const symbol = 'BTC-USD'
const everyone = ['alice', 'bob', 'carol', 'dave']

export interface Plan {
  /** Columns of reference.symbols that are not as usual. */
  symbol?: Record<string, string | number | boolean>
  /** Who trades and has less, or belongs to a group; the others have more than enough. */
  funds?: Record<string, Record<string, string>>
  groups?: Record<string, string>
}

export interface Market {
  db: Queryable
  /** Executes commands of one symbol; an order list is one command here. */
  run(commands: TestCommand[], now?: string): Promise<Answer[]>
  book(): Promise<string[]>
  /** What happened from an event on, each event in words. */
  events(from?: string): Promise<string[]>
  /** An order as it stands, by its client order id. */
  order(id: string): Promise<OrderNow>
  /** `available held unsettled_in unsettled_out` by asset. */
  balances(trader: string): Promise<Record<string, string>>
  /** Of everything in the market but what is this trader's own. */
  hash(but?: string): Promise<string>
}

export interface OrderNow {
  order_id: string
  status: string
  pending_reason: string | null
  end_reason: string | null
  refusal: string | null
  price: string | null
  quantity: string
  filled_quantity: string
  prevented_quantity: string
  remaining_quantity: string
  cancelled_quantity: string
  fee_amount: string
  stop_price: string | null
  display_quantity: string | null
  list_id: string | null
}

/**
 * A test of a market that is played twice, each list of commands as one batch and command by
 * command: both must leave the same, to the byte, with every account and every hold accounted for.
 */
export function marketTest(
  name: string,
  plan: Plan,
  body: (t: Test, market: Market) => Promise<void>,
): void {
  t.test(name, async t => {
    const left: unknown[] = []
    for (const isWhole of [true, false]) {
      await t.test(isWhole ? 'as one batch' : 'one by one', async t => {
        const market = await openMarket(t, plan, isWhole)
        await body(t, market)
        t.same(await audit(market.db), [], 'audit')
        left.push(await dumpMarket(market.db))
      })
    }
    t.strictSame(left[1], left[0], '[MAT-003] one by one leaves the same')
  })
}

async function openMarket(t: Test, plan: Plan, isWhole: boolean): Promise<Market> {
  const db = await testDatabase(t)
  const traders = Object.fromEntries(
    everyone.map(name => [name, plan.funds?.[name] ?? { USD: '100000000', BTC: '10000' }]),
  )
  await createMarket(db, { symbols: { [symbol]: {} }, traders })
  for (const [column, value] of Object.entries(plan.symbol ?? {})) {
    await db.query(`update reference.symbols set ${column} = $1`, [value])
  }
  for (const [trader, group] of Object.entries(plan.groups ?? {})) {
    const text = 'update reference.participants set trade_group = $2 where client_id = $1'
    await db.query(text, [trader, group])
  }
  return {
    db,
    run: (commands, now) => run(db, isWhole ? [commands] : singly(commands), now),
    book: () => drawnBook(db),
    events: from => toldEvents(db, from),
    order: id => orderNow(db, id),
    balances: trader => balances(db, trader),
    hash: but => hashMarket(db, but ?? ''),
  }
}

async function run(db: Queryable, batches: TestCommand[][], now?: string): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const batch of batches) {
    answers.push(...(await execute(db, symbol, batch, now === undefined ? {} : { now })))
  }
  return answers
}

/** Each command for itself, but for the orders of a list. */
function singly(commands: TestCommand[]): TestCommand[][] {
  const batches: TestCommand[][] = []
  for (const command of commands) {
    const last = batches.at(-1)
    const list = command.list_no ?? null
    if (last !== undefined && list !== null && last[0]?.list_no === list) last.push(command)
    else batches.push([command])
  }
  return batches
}

async function orderNow(db: Queryable, id: string): Promise<OrderNow> {
  const [row] = await db.query<OrderNow & { [column: string]: unknown }>(
    `select o.order_id, o.status, o.pending_reason, o.end_reason, o.refusal,
      trim_scale(o.price) as price, trim_scale(o.quantity) as quantity,
      trim_scale(o.filled_quantity) as filled_quantity,
      trim_scale(o.prevented_quantity) as prevented_quantity,
      trim_scale(o.remaining_quantity) as remaining_quantity,
      trim_scale(o.cancelled_quantity) as cancelled_quantity,
      trim_scale(o.fee_amount) as fee_amount, trim_scale(o.stop_price) as stop_price,
      trim_scale(o.display_quantity) as display_quantity, o.list_id
    from matching.orders as o where o.client_order_id = $1`,
    [id],
  )
  if (row === undefined) throw new Error(`there is no order ${id}`)
  return row
}
