import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { createMarket, execute, type Queryable, sell } from '../helpers/market.ts'

const health = (db: Queryable, now: string) =>
  db.query('select * from check_partition_health($1)', [now])
const now = '2031-05-05T10:00:00Z'

t.test(
  '[OPS] partitions that all stand are OK, missing ones a WARN, misplaced rows a CRIT',
  async t => {
    const db = await testDatabase(t)
    await createMarket(db, { traders: { bob: { BTC: '10' } } })
    const tables = [
      'command_log',
      'events',
      'orders',
      'settled_instructions',
      'trades',
      'transfers',
    ]
    const by = async (at: string, column: string) =>
      Object.fromEntries((await health(db, at)).map(row => [row.table_name, row[column]]))
    const all = (value: unknown) => Object.fromEntries(tables.map(table => [table, value]))
    await db.query('select maintain_partitions($1)', [now])

    t.same(await by(now, 'status'), all('OK'))
    t.same(await by(now, 'missing'), all('0'))
    t.same(await by(now, 'next_command'), all(null))
    t.match(await by(now, 'last_partition'), {
      orders: 'orders_2031_08',
      trades: 'trades_2031_05_12',
    })

    const nextDay = '2031-05-06T00:00:00Z'
    t.same(await by(nextDay, 'status'), { ...all('OK'), trades: 'WARN' })
    t.match(
      (await health(db, nextDay)).find(row => row.table_name === 'trades'),
      { missing: '1', default_rows: '0', next_command: 'select maintain_partitions();' },
    )

    const nextYear = '2032-05-05T10:00:00Z'
    await execute(db, 'BTC-USD', [sell('bob', '1', '100')], { now: nextYear })
    t.same(await by(nextYear, 'status'), {
      ...all('WARN'),
      command_log: 'CRIT',
      events: 'CRIT',
      orders: 'CRIT',
    })
    t.match(await by(nextYear, 'default_rows'), { events: '1', orders: '1', trades: '0' })

    await db.query('select maintain_partitions($1)', [nextYear])
    t.same(await by(nextYear, 'status'), all('OK'), 'the command that it names mends it')
  },
)
