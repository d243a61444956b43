-- Turns commands into a batch: what each asks, who asks, and what the filters refuse. Before the
-- lock. Orders are accepted for later only where all of the batch are limit orders that ask for it:
-- nothing may be matched before what came first [MAT-055].
-- Reads only.
create or replace function matching.parse_commands(
  p_symbol reference.symbols,
  p_commands matching.command[]
) returns matching.batch
language plpgsql stable
as $$
declare
  v_batch matching.batch;
  v_grouped_ids int[];
  v_parks boolean := false;
begin
  v_batch.is_special := matching.has_special(p_commands);
  if v_batch.is_special then
    select bool_and(coalesce(c.is_async and c.type = 'LIMIT' and c.list_no is null, false))
    into v_parks
    from unnest(p_commands) as c;
  end if;

  select o.owner_ids, o.grouped_ids into v_batch.owner_ids, v_grouped_ids
  from matching.find_owners(p_commands) as o;
  select
    array_agg(row(
      c.op, c.side = 'BUY', c.is_market,
      c.op = 'AMEND' or c.time_in_force not in ('IOC', 'FOK') and not c.is_market
        or c.is_market and p_symbol.protection_rests and c.time_in_force <> 'FOK',
      c.kills or c.is_market and c.side = 'BUY' or c.quote_quantity is not null, c.kills,
      c.quantity, c.quote_quantity, coalesce(c.stp, p_symbol.default_stp), c.mate_ids, null,
      c.end_reason, c.op <> 'PLACE' and c.only_if = 'NEW', c.post_only, c.slide,
      case when c.op = 'PLACE' and c.list_role = 'EXIT' then 'PARENT'
        when c.is_stop then 'TRIGGER' when v_parks then 'MATCH' end,
      null, c.is_stop, c.trigger_immediately, null, c.stop_price,
      (c.type in ('STOP', 'STOP_LIMIT', 'TRAILING_STOP')) = (c.side = 'BUY'), c.trailing_offset,
      c.trailing_bips, c.activation_price, null, null, c.limit_offset, null, null, null, null, null,
      c.time_in_force, c.expire_at
    )::matching.asked),
    array_agg(c.refusal), array_agg(c.sort_price),
    array_fill(null::bigint, array[count(*)::int]), coalesce(bool_or(c.op <> 'PLACE'), false),
    coalesce(bool_or(c.op in ('AMEND', 'RELEASE')), false)
  into
    v_batch.asked, v_batch.refusals, v_batch.sort_prices, v_batch.repeat_of, v_batch.has_changes,
    v_batch.has_amendments
  from (
    select
      a.*,
      coalesce(a.type in ('MARKET', 'STOP', 'TAKE_PROFIT', 'TRAILING_STOP')
        and a.price is null, false) as is_market,
      coalesce(a.time_in_force = 'FOK', false) as kills,
      num_nonnulls(a.stop_price, a.trailing_offset, a.trailing_bips) > 0 as is_stop,
      case when a.side = 'BUY' then -a.price else a.price end as sort_price,
      case when a.owner_id = any (v_grouped_ids) then array(
        select g.participant_id
        from reference.participants as p
        join reference.participants as g on g.trade_group = p.trade_group
        where p.participant_id = a.owner_id
      ) end as mate_ids,
      case
        when a.owner_id is null and a.client_id is not null
          then 'UNKNOWN_PARTICIPANT'::matching.refusal
        when a.op = 'AMEND' and num_nonnulls(a.price, a.quantity, a.expire_at) = 0
          and a.time_in_force is null then 'NOTHING_TO_AMEND'
        when a.op = 'PLACE' then
          matching.refuse_command(p_symbol, a.op, a.type, a.time_in_force, a.price, a.quantity)
      end as refusal
    from matching.command_rows(p_commands, v_batch, null) as a
  ) as c;
  if v_batch.is_special then
    v_batch.refusals := matching.refuse_specials(p_symbol, p_commands, v_batch.refusals);
  end if;
  if p_commands = '{}' then
    v_batch.asked := '{}';
    v_batch.refusals := '{}';
    v_batch.owner_ids := '{}';
    v_batch.sort_prices := '{}';
  end if;
  return v_batch;
end;
$$;
comment on function matching.parse_commands is
  'turns commands into a batch and checks them against the filters';
