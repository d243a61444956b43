import type pg from 'pg'
import { connect } from './batches.ts'

/** What a batch of orders writes, and how its rows are found again by the batch's time. */
const tables = {
  'matching.orders': 'select * from matching.orders where symbol_id = $1 and created_at = $2',
  'matching.order_keys': `select k.* from matching.order_keys as k
    join matching.orders as o on o.order_id = k.order_id and o.created_at = $2
    where o.symbol_id = $1`,
  // What rested when its batch was over: still rests, or was touched by a later batch.
  'matching.book': `select o.segment_id, o.symbol_id, o.side,
      case o.side when 'BUY' then -o.price else o.price end as sort_price, o.entry_seq, o.order_id,
      o.participant_id, o.created_at, o.quantity, o.price * o.quantity as hold,
      o.fee_amount as fee_exact, o.fee_amount as fee
    from matching.orders as o
    join matching.events as e on e.symbol_id = o.symbol_id and e.seq = o.entry_seq
      and e.at = o.created_at and e.kind = 'OPENED'
    where o.symbol_id = $1 and o.created_at = $2
      and (o.remaining_quantity > 0 or o.updated_at > o.created_at)`,
  'matching.trades': 'select * from matching.trades where symbol_id = $1 and traded_at = $2',
  'settlement.pending_instructions': `select * from settlement.pending_instructions
    where symbol_id = $1 and created_at = $2`,
  'matching.events': 'select * from matching.events where symbol_id = $1 and at = $2',
  'matching.command_log': 'select * from matching.command_log where symbol_id = $1 and at = $2',
}

/**
 * The floor: tables like the venue's own, with all their indexes, constraints and partitions, into
 * which the rows that the matcher wrote are written again, one transaction a batch.
 */
export async function createFloor(url: string, symbolIds: number[]) {
  const clients = await Promise.all(symbolIds.map(() => connect(url)))
  const [first] = clients
  await first?.query('create schema floor')
  for (const table of Object.keys(tables)) await copyTable(first, table)
  return {
    /** Milliseconds for all batches of these times, a connection a symbol. */
    async write(times: Date[]): Promise<number> {
      const stages = await Promise.all(
        clients.map((client, i) => stage(client, symbolIds[i] ?? 0, times)),
      )
      const start = performance.now()
      await Promise.all(
        clients.map(async (client, i) => {
          for (const statements of stages[i] ?? []) await client.query(statements)
        }),
      )
      return performance.now() - start
    },
    async close(): Promise<void> {
      await first?.query('drop schema floor cascade')
      await Promise.all(clients.map(client => client.end()))
    },
  }
}

async function copyTable(client: pg.Client | undefined, table: string): Promise<void> {
  const name = table.split('.')[1]
  await client?.query(`do $$ declare
    v_key text := pg_get_partkeydef('${table}'::regclass);
    v_part record;
  begin
    execute 'create table floor.${name} (like ${table} including all)'
      || coalesce(' partition by ' || v_key, '');
    for v_part in select c.relname, pg_get_expr(c.relpartbound, c.oid) as bound
      from pg_inherits as i join pg_class as c on c.oid = i.inhrelid
      where i.inhparent = '${table}'::regclass
    loop
      execute format('create table floor.%I partition of floor.${name} %s',
        v_part.relname, v_part.bound);
    end loop;
  end $$`)
}

/** The rows of each batch in temporary tables, and the statements that write them. */
async function stage(client: pg.Client, symbolId: number, times: Date[]): Promise<string[]> {
  const batches: string[] = []
  for (const [i, at] of times.entries()) {
    const statements = []
    for (const [table, query] of Object.entries(tables)) {
      const name = table.split('.')[1]
      await client.query(`drop table if exists pg_temp.${name}_${i}`)
      const values = [symbolId, `'${at.toISOString()}'`]
      const text = query.replace('$1', String(values[0])).replaceAll('$2', String(values[1]))
      await client.query(`create temp table ${name}_${i} as ${text}`)
      statements.push(`insert into floor.${name} select * from pg_temp.${name}_${i}`)
    }
    batches.push(`begin; ${statements.join('; ')}; commit`)
  }
  return batches
}
