import type pg from 'pg'
import { connect } from './batches.ts'

/** What a batch of orders inserts, and how its rows are found again by the batch's time. */
const inserts = {
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

/** What a batch changes beside it: rows of these tables, by key, as they are afterwards. */
const changes = {
  // Who traded, on both sides; who came to rest, of what it pays with.
  'ledger.accounts': {
    query: `select a.segment_id, a.participant_id, a.asset_id, a.posted, a.held, a.unsettled_in,
        a.unsettled_out
      from reference.symbols as s
      join (
        select taker_id, true, true from matching.trades where symbol_id = $1 and traded_at = $2
        union
        select maker_id, true, true from matching.trades where symbol_id = $1 and traded_at = $2
        union
        select participant_id, side = 'SELL', side = 'BUY' from matching.events
        where symbol_id = $1 and at = $2 and kind = 'OPENED'
      ) as p (id, base, quote) on true
      join ledger.accounts as a on a.participant_id = p.id
        and (p.base and a.asset_id = s.base_asset_id or p.quote and a.asset_id = s.quote_asset_id)
      where s.symbol_id = $1
      group by a.segment_id, a.participant_id, a.asset_id, a.version_no`,
    // A table a connection: floors do not wait for each other.
    statement: `update floor.accounts_$2 as f
      set posted = c.posted, held = c.held, unsettled_in = c.unsettled_in,
        unsettled_out = c.unsettled_out, changes = f.changes + 1
      from pg_temp.$1 as c
      where f.segment_id = c.segment_id and f.participant_id = c.participant_id
        and f.asset_id = c.asset_id`,
  },
  'matching.orders': {
    query: `select * from matching.orders
      where symbol_id = $1 and updated_at = $2 and created_at < $2`,
    statement: `update floor.orders as f
      set filled_quantity = c.filled_quantity, filled_notional = c.filled_notional,
        remaining_quantity = c.remaining_quantity, cancelled_quantity = c.cancelled_quantity,
        fee_amount = c.fee_amount, status = c.status, end_reason = c.end_reason,
        last_seq = c.last_seq, updated_at = c.updated_at
      from pg_temp.$1 as c
      where f.segment_id = c.segment_id and f.order_id = c.order_id
        and f.created_at = c.created_at`,
  },
  'matching.book': {
    query: `select segment_id, order_id from matching.orders
      where symbol_id = $1 and updated_at = $2 and created_at < $2 and remaining_quantity = 0`,
    statement: `delete from floor.book as f using pg_temp.$1 as c
      where f.segment_id = c.segment_id and f.order_id = c.order_id`,
  },
}

export interface FloorMs {
  /** Of all that a batch inserts. */
  inserts: number
  /** Of these, and of all that it changes or deletes. */
  writes: number
}

/**
 * The floor: tables like the venue's own, with all their indexes, constraints and partitions, into
 * which the rows that the matcher wrote are written again, one transaction a batch.
 */
export async function createFloor(url: string, symbolIds: number[]) {
  const clients = await Promise.all(symbolIds.map(() => connect(url)))
  const [first] = clients
  await first?.query('create schema floor')
  for (const table of Object.keys(inserts)) await copyTable(first, table)
  for (const id of symbolIds) await copyAccounts(first, `accounts_${id}`)
  return {
    /** For all batches of these times, a connection a symbol. */
    async write(times: Date[]): Promise<FloorMs> {
      const stages = await Promise.all(
        clients.map((client, i) => stage(client, symbolIds[i] ?? 0, times)),
      )
      const ms = { inserts: 0, writes: 0 }
      const start = performance.now()
      await Promise.all(
        clients.map(async (client, i) => {
          for (const batch of stages[i] ?? []) {
            await client.query(batch.inserts)
            const changing = performance.now()
            await client.query(batch.changes)
            ms.inserts -= (performance.now() - changing) / clients.length
            await client.query('commit')
          }
        }),
      )
      ms.writes = performance.now() - start
      ms.inserts += ms.writes
      return ms
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

/** The accounts as they are, under another name. */
export async function copyAccounts(client: pg.Client | undefined, name: string): Promise<void> {
  await client?.query(`do $$ declare
    v_columns text := (
      select string_agg(attname, ', ') from pg_attribute
      where attrelid = 'ledger.accounts'::regclass and attnum > 0 and attgenerated = ''
        and not attisdropped);
  begin
    create table floor.${name} (like ledger.accounts including all);
    execute format('insert into floor.${name} (%1$s) select %1$s from ledger.accounts', v_columns);
    analyze floor.${name};
  end $$`)
}

/** The rows of each batch in temporary tables, and the statements that write them. */
async function stage(client: pg.Client, symbolId: number, times: Date[]) {
  const batches: { inserts: string; changes: string }[] = []
  for (const [i, at] of times.entries()) {
    const keep = async (name: string, query: string) => {
      await client.query(`drop table if exists pg_temp.${name}`)
      const text = query.replaceAll('$1', `${symbolId}`).replaceAll('$2', `'${at.toISOString()}'`)
      await client.query(`create temp table ${name} as ${text}`)
    }
    const batch = { inserts: ['begin'], changes: ['select'] }
    for (const [table, query] of Object.entries(inserts)) {
      const name = table.split('.')[1]
      await keep(`${name}_${i}`, query)
      batch.inserts.push(`insert into floor.${name} select * from pg_temp.${name}_${i}`)
    }
    for (const [table, { query, statement }] of Object.entries(changes)) {
      const name = `changed_${table.split('.')[1]}_${i}`
      await keep(name, query)
      batch.changes.push(statement.replace('$1', name).replace('$2', `${symbolId}`))
    }
    batches.push({ inserts: batch.inserts.join('; '), changes: batch.changes.join('; ') })
  }
  return batches
}
