import { accountCalls } from './account-calls.ts'
import type { Command } from './commands.ts'
import { queries } from './queries.ts'
import type * as rows from './rows.ts'
import type { BacklogRow, SettlementRow } from './settlement-rows.ts'
import { statementCalls } from './statement-calls.ts'
import {
  createStatements,
  one,
  only,
  type StatementOptions,
  type Statements,
} from './statements.ts'
import { withdrawalCalls } from './withdrawal-calls.ts'

export interface OrderFilter {
  clientId: string | null
  symbol: string | null
  status: string | null
}

/** Whose orders a mass cancel is about: a participant's or a trade group's, and which of them. */
export interface CancelFilter {
  clientId: string | null
  group: string | null
  symbol: string | null
  side: string | null
  minPrice: string | null
  maxPrice: string | null
}

export interface NewSymbol {
  symbol: string
  tickSize: string
  lotSize: string
  options: Record<string, string | number | boolean | readonly string[] | undefined>
}

export type Calls = ReturnType<typeof createCalls>

/** One function for each function and view of the api schema. One call is one transaction. */
export function createCalls(options: StatementOptions) {
  const statements = createStatements(options)
  return {
    ...orderCalls(statements),
    ...marketCalls(statements),
    ...participantCalls(statements),
    ...withdrawalCalls(statements),
    ...statementCalls(statements),
    ...accountCalls(statements),
    ...settlementCalls(statements),
    ...feedCalls(statements),
    ...sessionCalls(statements),
  }
}

function orderCalls({ read, write, now }: Statements) {
  return {
    executeCommands: (symbol: string, commands: readonly Command[], isAtomic: boolean) =>
      write<rows.CommandRow>('select * from api.execute_commands($1, $2, $3, $4, $5)', [
        symbol,
        now(),
        JSON.stringify(commands),
        isAtomic,
      ]),

    /** What the commands would come to. Everything is undone before the statement ends. */
    testCommands: (symbol: string, commands: readonly Command[]) =>
      read<rows.TestRow>('select * from api.test_commands($1, $2, $3, $4)', [
        symbol,
        now(),
        JSON.stringify(commands),
      ]),

    cancelOrders: ({ clientId, group, symbol, side, minPrice, maxPrice }: CancelFilter) =>
      write<{ order_id: string }>(
        `select c.order_id
         from api.cancel_orders($1, $2, $3, $4, $5, $6, $7, $8) as c (order_id)`,
        [clientId, symbol, side, now(), group, minPrice, maxPrice],
      ),

    cancelAfter: (clientId: string, seconds: number) =>
      write<{ cancel_at: string | null }>(
        'select c.cancel_at from api.cancel_after($1, $2, $3, $4) as c (cancel_at)',
        [clientId, seconds, now()],
      ).then(only),

    findOrder: (orderId: string) =>
      read<rows.OrderRow>('select * from api.find_order($1, $2)', [orderId]).then(only),

    listOrders: ({ clientId, symbol, status }: OrderFilter, cursor: string | null, limit: number) =>
      read<rows.Listed<rows.OrderRow>>('select * from api.list_orders($1, $2, $3, $4, $5, $6)', [
        clientId,
        symbol,
        status,
        cursor,
        limit,
      ]),

    listAmendments: (orderId: string) =>
      read<rows.AmendmentRow>('select * from api.amendments($1, $2)', [orderId]),

    listPreventedMatches: (orderId: string) =>
      read<rows.PreventedMatchRow>('select * from api.prevented_matches($1, $2)', [orderId]),
  }
}

function marketCalls({ read, write, select, segmentId, now }: Statements) {
  const symbols = queries
    .selectFrom('api.symbols as s')
    .selectAll()
    .where('s.segment_id', '=', segmentId)
    .orderBy('s.symbol')
  return {
    listSymbols: (after: string, limit: number) =>
      select(symbols.where('s.symbol', '>', after).limit(limit).compile()),

    findSymbol: (symbol: string) =>
      select(symbols.where('s.symbol', '=', symbol).compile()).then(
        one('UNKNOWN_SYMBOL', `there is no symbol ${symbol}`),
      ),

    createSymbol: ({ symbol, tickSize, lotSize, options }: NewSymbol) =>
      write<rows.SymbolRow>('select * from api.create_symbol($1, $2, $3, $4, $5, $6)', [
        symbol,
        tickSize,
        lotSize,
        JSON.stringify(options),
        now(),
      ]).then(only),

    createAsset: (asset: string, decimals: number) =>
      write<rows.AssetRow>('select * from api.create_asset($1, $2, $3, $4)', [
        asset,
        decimals,
        now(),
      ]).then(only),

    readBook: (symbol: string, depth: number) =>
      read<rows.BookRow>('select * from api.book($1, $2, $3)', [symbol, depth]).then(only),

    listTrades: (symbol: string, cursor: string | null, limit: number) =>
      read<rows.Listed<rows.TradeRow>>('select * from api.trades($1, $2, $3, $4)', [
        symbol,
        cursor,
        limit,
      ]),

    readTicker: (symbol: string) =>
      read<rows.TickerRow>('select * from api.tickers($1, $2, $3)', [symbol, now()]).then(only),

    readTickers: () => read<rows.TickerRow>('select * from api.tickers($1, null, $2)', [now()]),
  }
}

function participantCalls({ read, write, now }: Statements) {
  return {
    createParticipant: (clientId: string, name: string | null, tradeGroup: string | null) =>
      write<rows.ParticipantRow>('select * from api.create_participant($1, $2, $3, $4, $5)', [
        clientId,
        name,
        now(),
        tradeGroup,
      ]).then(only),

    setTradeGroup: (clientId: string, tradeGroup: string | null) =>
      write<rows.ParticipantRow>('select * from api.set_trade_group($1, $2, $3)', [
        clientId,
        tradeGroup,
      ]).then(only),

    findParticipant: (clientId: string) =>
      read<rows.ParticipantRow>('select * from api.find_participant($1, $2)', [clientId]).then(
        only,
      ),

    readBalances: (clientId: string) =>
      read<rows.BalanceRow>('select * from api.balances($1, $2)', [clientId]),

    /** Rates, by which row of the schedules; with tiers the volume and where the next begins. */
    readFees: (clientId: string) =>
      read<
        Record<'symbol' | 'maker_rate' | 'taker_rate', string> &
          Record<'fee_id' | 'volume_30d' | 'next_volume', string | null>
      >('select * from api.fees($1, $2, $3)', [clientId, now()]),

    deposit: (clientId: string, asset: string, amount: string, key: string) =>
      write<rows.DepositRow>('select * from api.deposit($1, $2, $3, $4, $5, $6)', [
        clientId,
        asset,
        amount,
        key,
        now(),
      ]).then(only),
  }
}

function settlementCalls({ read, write, now }: Statements) {
  return {
    listSettlements: (
      { status, symbol, clientId }: OrderFilter,
      cursor: string | null,
      limit: number,
    ) =>
      read<SettlementRow>('select * from api.settlements($1, $2, $3, $4, $5, $6)', [
        status,
        symbol,
        clientId,
        cursor,
        limit,
      ]),

    findSettlement: (settlementId: string) =>
      read<SettlementRow>('select * from api.find_settlement($1, $2)', [settlementId]).then(only),

    retrySettlement: (settlementId: string) =>
      write<SettlementRow>('select * from api.retry_settlement($1, $2, $3)', [
        settlementId,
        now(),
      ]).then(only),

    readBacklog: () =>
      read<BacklogRow>('select * from api.settlement_backlog($1, $2)', [now()]).then(only),

    readStatus: () => read<rows.StatusRow>('select * from api.status($1, $2)', [now()]).then(only),
  }
}

function feedCalls({ read, readBare }: Statements) {
  return {
    readPositions: () => read<rows.PositionRow>('select * from api.feed_positions($1)', []),

    eventsAfter: (symbolIds: readonly number[], seqs: readonly number[], limit: number) =>
      read<rows.EventRow>('select * from api.events_after($1, $2, $3, $4)', [
        symbolIds,
        seqs,
        limit,
      ]),

    journalsAfter: (finalityNo: number, limit: number) =>
      read<rows.JournalRow>('select * from api.journals_after($1, $2, $3)', [finalityNo, limit]),

    /** Rings the doorbell of every process, in a transaction that writes nothing. */
    notify: async (channels: readonly string[]): Promise<void> => {
      await readBare("select pg_notify(c.channel, '') from unnest($1::text[]) as c (channel)", [
        channels,
      ])
    },
  }
}

/** A session of a participant, and when its orders are cancelled if nobody puts that off. */
export interface SessionTime {
  clientId: string
  sessionId: string
  cancelAt: Date
}

function sessionCalls({ write }: Statements) {
  return {
    openSession: async ({ clientId, sessionId, cancelAt }: SessionTime): Promise<void> => {
      await write('select api.open_session($1, $2, $3, $4)', [
        clientId,
        sessionId,
        cancelAt.toISOString(),
      ])
    },

    renewSessions: (times: readonly SessionTime[]) =>
      write<{ client_id: string; session_id: string }>(
        'select * from api.renew_sessions($1, $2, $3, $4)',
        [
          times.map(one => one.clientId),
          times.map(one => one.sessionId),
          times.map(one => one.cancelAt.toISOString()),
        ],
      ),

    closeSession: (clientId: string, sessionId: string) =>
      write<{ was_open: boolean }>('select api.close_session($1, $2, $3) as was_open', [
        clientId,
        sessionId,
      ]).then(only),
  }
}
