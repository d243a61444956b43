--! Previous: sha1:9d1f4ab582a565f86a18c74871075a29095011d4
--! Hash: sha1:289336847185eccdeee2c8ed9d7d48647fc34d5e
--! Message: Add the words of clearing and settlement

-- The words that clearing, settlement and the ledger need. A new word cannot be used in the
-- transaction that adds it, so they have a migration of their own.
alter type reference.participant_kind add value 'CLEARING';

alter type ledger.journal_kind add value 'NETTING';
alter type ledger.journal_kind add value 'BUST';
alter type ledger.journal_kind add value 'INTERNAL';
alter type ledger.journal_kind add value 'ADJUSTMENT';

alter type ledger.transfer_kind add value 'NET';
alter type ledger.transfer_kind add value 'REVERSAL';
alter type ledger.transfer_kind add value 'INTERNAL';
alter type ledger.transfer_kind add value 'ADJUSTMENT';

alter type settlement.pending_reason add value 'EXTERNAL';

alter type matching.event_kind add value 'BUST';
alter type matching.event_kind add value 'CORRECTED';
