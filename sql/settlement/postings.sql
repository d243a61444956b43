-- What each journal settled of each instruction: all of it, or a part.
create or replace view settlement.postings as
select
  s.segment_id, s.instruction_id, s.journal_id, s.buyer_id, s.seller_id, s.base_asset_id,
  s.quote_asset_id, s.quantity::numeric as quantity, s.notional::numeric as notional,
  s.buyer_fee::numeric as buyer_fee, s.seller_fee::numeric as seller_fee
from settlement.settled_instructions as s
where not exists (
  select
  from settlement.parts as p
  where p.segment_id = s.segment_id
    and p.instruction_id = s.instruction_id
)
union all
select
  p.segment_id, p.instruction_id, p.journal_id, i.buyer_id, i.seller_id, i.base_asset_id,
  i.quote_asset_id, p.quantity, p.notional, p.buyer_fee, p.seller_fee
from settlement.parts as p
join settlement.instructions as i
  on i.segment_id = p.segment_id
  and i.instruction_id = p.instruction_id;
comment on view settlement.postings is 'what each journal settled of each instruction';
