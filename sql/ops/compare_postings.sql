-- What a journal of kind SETTLEMENT posted for each instruction, beside the legs of what stands
-- there as settled by it. Null: nothing. Nothing is returned for a journal of another kind.
-- PL/pgSQL, so that it is planned once. Reads only.
create or replace function ops.compare_postings(
  p_segment_id int,
  p_journal_id bigint
) returns table (
  instruction_id bigint,
  posted text,
  amounts text
)
language plpgsql stable
as $$
begin
  return query
  select coalesce(p.instruction_id, s.instruction_id), p.amounts, s.amounts
  from (
    select
      t.instruction_id,
      string_agg(concat_ws(' ', t.kind, t.asset_id, t.debit_participant_id,
        t.credit_participant_id, trim_scale(t.amount::numeric)), ', ' order by t.kind::text,
        t.asset_id, t.debit_participant_id, t.credit_participant_id, t.amount) as amounts
    from ledger.journals as j
    join ledger.transfers as t
      on t.segment_id = j.segment_id
      and t.journal_id = j.journal_id
      and t.posted_at = j.posted_at
    where j.segment_id = p_segment_id
      and j.journal_id = p_journal_id
      and j.kind = 'SETTLEMENT'
    group by t.instruction_id
  ) as p
  full join (
    select
      d.named_id as instruction_id,
      string_agg(concat_ws(' ', k.kind, l.asset_id, l.debit_id, l.credit_id,
        trim_scale(l.amount::numeric)), ', ' order by k.kind, l.asset_id, l.debit_id, l.credit_id,
        l.amount) as amounts
    from ops.settled_parts(p_segment_id, p_journal_id) as d
    cross join lateral settlement.legs(
      d.base_asset_id, d.quote_asset_id, d.buyer_id, d.seller_id, d.quantity, d.notional,
      d.buyer_fee, d.seller_fee
    ) as l
    cross join lateral (
      select case when d.is_reversal then 'REVERSAL' else l.kind::text end as kind
    ) as k
    group by d.named_id
  ) as s
    on s.instruction_id = p.instruction_id;
end;
$$;
comment on function ops.compare_postings is
  'what a journal posted for each instruction, beside the legs of what it settled';
