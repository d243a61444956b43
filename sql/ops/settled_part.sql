-- What a journal settled of an instruction, as it stands among the settled ones or their parts; no
-- row where nothing does. PL/pgSQL: the look-ups are by whole keys, whatever calls it. Reads only.
create or replace function ops.settled_part(
  p_segment_id int,
  p_journal_id bigint,
  p_instruction_id bigint,
  p_posted_at timestamptz
) returns setof settlement.part
language plpgsql stable
as $$
begin
  return query
  select
    i.instruction_id, i.symbol_id, i.buyer_id, i.seller_id, i.base_asset_id, i.quote_asset_id,
    p.quantity::numeric, p.notional::numeric, p.buyer_fee::numeric, p.seller_fee::numeric,
    null::boolean, null::boolean
  from settlement.parts as p
  join settlement.instructions as i
    on i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id
  where p.segment_id = p_segment_id
    and p.instruction_id = p_instruction_id
    and p.journal_id = p_journal_id
    and p.settled_at = p_posted_at;
  if found then
    return;
  end if;

  return query
  select
    i.instruction_id, i.symbol_id, i.buyer_id, i.seller_id, i.base_asset_id, i.quote_asset_id,
    i.quantity::numeric, i.notional::numeric, i.buyer_fee::numeric, i.seller_fee::numeric,
    null::boolean, null::boolean
  from settlement.settled_instructions as i
  where i.segment_id = p_segment_id
    and i.instruction_id = p_instruction_id
    and i.settled_at = p_posted_at
    and i.journal_id = p_journal_id
    and not exists (
      select
      from settlement.parts as p
      where p.segment_id = p_segment_id
        and p.instruction_id = p_instruction_id
    );
end;
$$;
comment on function ops.settled_part is
  'what a journal settled of an instruction, as it stands now';
