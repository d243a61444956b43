-- Where trades, obligations and journals do not agree, and since when; those that are there no more
-- follow, with the time.
create or replace view ops.v_breaks as
select
  b.break_id,
  b.kind,
  s.symbol,
  b.key,
  b.kept,
  b.derived,
  b.found_at,
  b.closed_at
from ops.breaks as b
left join reference.symbols as s
  on s.symbol_id = b.part_id
order by b.closed_at desc nulls first, b.break_id;
comment on view ops.v_breaks is
  'where trades, obligations and journals do not agree, since when and until when';
