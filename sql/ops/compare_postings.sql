-- What a journal of kind SETTLEMENT posted for each instruction that it names, beside the legs of
-- what stands there as settled by it: the whole, or a part. Null: nothing. Nothing is returned for
-- a journal of another kind. Reads only.
create or replace function ops.compare_postings(
  p_segment_id int,
  p_journal_id bigint
) returns table (
  instruction_id bigint,
  posted text,
  amounts text
)
language sql stable
as $$
  with journal as (
    select j.journal_id, j.posted_at, i.instruction_id
    from ledger.journals as j
    cross join lateral unnest(j.instruction_ids) as i (instruction_id)
    where j.segment_id = p_segment_id
      and j.journal_id = p_journal_id
      and j.kind = 'SETTLEMENT'
  ), posted as (
    select
      t.instruction_id,
      string_agg(concat_ws(' ', t.kind, t.asset_id, t.debit_participant_id,
        t.credit_participant_id, trim_scale(t.amount::numeric)), ', ' order by t.kind) as amounts
    from ledger.transfers as t
    where t.segment_id = p_segment_id
      and t.journal_id = p_journal_id
      and exists (select from journal)
    group by t.instruction_id
  ), settled as (
    select
      j.instruction_id,
      string_agg(concat_ws(' ', l.kind, l.asset_id, l.debit_id, l.credit_id,
        trim_scale(l.amount::numeric)), ', ' order by l.kind) as amounts
    from journal as j
    cross join lateral ops.settled_part(
      p_segment_id, j.journal_id, j.instruction_id, j.posted_at
    ) as s
    cross join lateral settlement.legs(
      s.base_asset_id, s.quote_asset_id, s.buyer_id, s.seller_id, s.quantity, s.notional,
      s.buyer_fee, s.seller_fee
    ) as l
    group by j.instruction_id
  )
  select instruction_id, p.amounts, s.amounts
  from posted as p
  full join settled as s using (instruction_id)
$$;
comment on function ops.compare_postings is
  'what a journal posted for each instruction, beside the legs of what it settled';
