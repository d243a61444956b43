import { only, type Statements } from './statements.ts'

/** What somebody asks to be paid out; by null the participant itself asks. */
export interface NewWithdrawal {
  clientId: string
  asset: string
  amount: string
  key: string
  by: string | null
}

/** The row of a withdrawal, as rows.ts has those of all else. */
export interface WithdrawalRow {
  withdrawal_id: string
  client_id: string
  asset: string
  amount: string
  idempotency_key: string
  status: string
  requested_by: string
  created_at: string
  decided_by: string | null
  decided_at: string | null
  reject_reason: string | null
  transfer_id: string | null
  approved_by: string | null
  approved_at: string | null
}

/** What the receiver of an outside leg says became of it. */
export interface OutsideResult {
  externalId: string
  status: string
  reason: string | null
  reference: string | null
}

/** The part of the calls that is about withdrawals. */
export function withdrawalCalls({ read, write, now }: Statements) {
  return {
    requestWithdrawal: ({ clientId, asset, amount, key, by }: NewWithdrawal) =>
      write<WithdrawalRow>('select * from api.request_withdrawal($1, $2, $3, $4, $5, $6, $7)', [
        clientId,
        asset,
        amount,
        key,
        by,
        now(),
      ]).then(only),

    approveWithdrawal: (withdrawalId: string, by: string) =>
      write<WithdrawalRow>('select * from api.approve_withdrawal($1, $2, $3, $4)', [
        withdrawalId,
        by,
        now(),
      ]).then(only),

    rejectWithdrawal: (withdrawalId: string, by: string, reason: string) =>
      write<WithdrawalRow>('select * from api.reject_withdrawal($1, $2, $3, $4, $5)', [
        withdrawalId,
        by,
        reason,
        now(),
      ]).then(only),

    answerOutsideLeg: ({ externalId, status, reason, reference }: OutsideResult) =>
      write<{ status: string }>('select api.answer_outside_leg($1, $2, $3, $4, $5, $6) as status', [
        externalId,
        status,
        reason,
        reference,
        now(),
      ]).then(only),

    findWithdrawal: (withdrawalId: string) =>
      read<WithdrawalRow>('select * from api.find_withdrawal($1, $2)', [withdrawalId]).then(only),

    listWithdrawals: (
      clientId: string | null,
      status: string | null,
      cursor: string | null,
      limit: number,
    ) =>
      read<WithdrawalRow>('select * from api.withdrawals($1, $2, $3, $4, $5)', [
        clientId,
        status,
        cursor,
        limit,
      ]),
  }
}
