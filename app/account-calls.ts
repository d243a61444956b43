import { only, type Statements } from './statements.ts'

export interface SubAccountRow {
  client_id: string
  name: string
  parent: string
  custody: string
  trade_group: string | null
  created_at: string
}

/** An account of a tree: what it has, and with all that is below it. */
export interface TreeRow {
  client_id: string
  parent: string | null
  custody: string
  balances: {
    asset: string
    available: string
    held: string
    total_available: string
    total_held: string
  }[]
}

export interface InternalTransferRow {
  transfer_id: string
  from_client_id: string
  to_client_id: string
  asset: string
  amount: string
  idempotency_key: string
  created_at: string
}

export interface NewInternalTransfer {
  from: string
  to: string
  asset: string
  amount: string
  key: string
}

/** The part of the calls that is about accounts below accounts. */
export function accountCalls({ read, write, now }: Statements) {
  return {
    openSubAccount: (parent: string, clientId: string, name: string | null, custody: string) =>
      write<SubAccountRow>('select * from api.open_sub_account($1, $2, $3, $4, $5, $6)', [
        parent,
        clientId,
        name,
        custody,
        now(),
      ]).then(only),

    readAccountTree: (clientId: string) =>
      read<TreeRow>('select * from api.account_tree($1, $2)', [clientId]),

    transferInternal: ({ from, to, asset, amount, key }: NewInternalTransfer) =>
      write<InternalTransferRow>(
        'select * from api.transfer_internal($1, $2, $3, $4, $5, $6, $7)',
        [from, to, asset, amount, key, now()],
      ).then(only),
  }
}
