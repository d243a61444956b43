-- What kind of journal settles these parts: BUST when each gives back what a busted trade moved, or
-- takes its place in the same journal; else SETTLEMENT. Reads only.
create or replace function settlement.journal_kind(
  p_segment_id int,
  p_parts settlement.part[]
) returns ledger.journal_kind
language sql stable
as $$
  select case
    when bool_and(exists (
      select
      from settlement.reversals as r
      where r.segment_id = p_segment_id
        and (r.reversal_id = p.instruction_id or r.reversal_id in (
          select l.other_id
          from settlement.links as l
          where l.segment_id = p_segment_id
            and l.instruction_id = p.instruction_id
            and l.link = 'WITH'
        ))
    )) then 'BUST'::ledger.journal_kind
    else 'SETTLEMENT' end
  from unnest(p_parts) as p
$$;
comment on function settlement.journal_kind is 'what kind of journal settles these parts';
