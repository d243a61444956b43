import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { createMarket } from '../helpers/market.ts'

t.test('the tables of the ledger refuse what may never be, whoever writes it', async t => {
  const db = await testDatabase(t)
  await createMarket(db, { traders: { alice: { USD: '100' } } })
  const account = (set: string) => `update ledger.accounts set ${set} where posted = 100`
  const transfer = (debit: number, credit: number, amount: string) =>
    `insert into ledger.transfers (segment_id, journal_id, line_no, kind, asset_id,
      debit_participant_id, credit_participant_id, amount, posted_at)
    values (1, 99, 1, 'PAYMENT', 1, ${debit}, ${credit}, ${amount}, now())`
  const refused: [statement: string, constraint: string][] = [
    [account('held = 101'), 'held_not_over_posted'],
    [account('posted = -1'), 'held_not_over_posted'],
    [account('held = -1'), 'held_not_negative'],
    [account('unsettled_in = -1'), 'unsettled_in_not_negative'],
    [account('unsettled_out = 1'), 'unsettled_out_is_held'],
    [account('unsettled_out = -1'), 'unsettled_out_is_held'],
    [account("posted = 'NaN'"), 'amount_has_at_most_18_decimals'],
    [account("posted = 'Infinity'"), 'amount_has_at_most_18_decimals'],
    [account('posted = 1e-19'), 'amount_has_at_most_18_decimals'],
    [account('participant_id = 99'), 'accounts_participant_id_fkey'],
    [account('asset_id = 99'), 'accounts_asset_id_fkey'],
    [transfer(1, 1, '1'), 'debit_is_not_credit'],
    [transfer(1, 2, '0'), 'transfer_is_positive'],
    [transfer(1, 2, '-1'), 'transfer_is_positive'],
    [transfer(1, 2, "'NaN'"), 'amount_has_at_most_18_decimals'],
    [
      `insert into ledger.journals select segment_id, 99, finality_no, kind, posted_at,
        instruction_ids, transfer_count, line_nos, line_marks, link from ledger.journals`,
      'finality_no_is_dense',
    ],
    [`update ledger.deposits set idempotency_key = ''`, 'key_is_not_too_long'],
    [`update ledger.deposits set idempotency_key = repeat('k', 256)`, 'key_is_not_too_long'],
  ]

  for (const [statement, constraint] of refused) {
    await t.rejects(db.query(statement), { code: /^23/, constraint }, constraint)
  }
  await t.resolves(db.query(account('held = 100, unsettled_out = 100')), 'all of it may be held')
})
