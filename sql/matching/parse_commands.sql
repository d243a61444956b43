-- Turns commands into a batch: who asks, and what the filters refuse. Before the lock.
-- Reads only.
create or replace function matching.parse_commands(
  p_symbol reference.symbols,
  p_commands matching.command[]
) returns matching.batch
language plpgsql stable
as $$
declare
  v_batch matching.batch;
  v_slots matching.slots;
begin
  select
    array_agg(c.op), array_agg(c.refusal), array_agg(c.side = 'BUY'), array_agg(c.type = 'MARKET'),
    array_agg(c.op = 'AMEND' or c.time_in_force = 'GTC'),
    array_agg(c.time_in_force = 'FOK' or c.type = 'MARKET' and c.side = 'BUY'),
    array_agg(c.time_in_force = 'FOK'), array_agg(c.sort_price), array_agg(c.quantity),
    array_agg(c.participant_id), array_agg(case when c.op = 'PLACE' then c.quantity end),
    array_agg(c.zero), array_fill(null::bigint, array[count(*)::int])
  into
    v_batch.ops, v_batch.refusals, v_batch.is_buy, v_batch.is_market, v_batch.rests, v_batch.probes,
    v_batch.kills, v_batch.sort_prices, v_batch.quantities, v_slots.owner_id, v_slots.remaining,
    v_slots.hold, v_batch.repeat_of
  from (
    select
      a.op, a.side, a.type, a.time_in_force, a.quantity, p.participant_id, 0::numeric as zero,
      case when a.side = 'BUY' then -a.price else a.price end as sort_price,
      case
        when p.participant_id is null and a.client_id is not null
          then 'UNKNOWN_PARTICIPANT'::matching.refusal
        when a.op <> 'CANCEL'
          then matching.refuse_command(
            p_symbol, a.op, a.type, a.time_in_force, a.price, a.quantity
          )
      end as refusal
    from unnest(p_commands) with ordinality as a (
      op, client_id, side, type, time_in_force, price, quantity, client_order_id, idempotency_key,
      order_id, n
    )
    left join reference.participants as p
      on p.client_id = a.client_id
      and p.kind = 'CUSTOMER'
    order by a.n
  ) as c;

  v_slots.sort_price := v_batch.sort_prices;
  v_slots.quantity := v_slots.remaining;
  v_slots.fee_exact := v_slots.hold;
  v_slots.fee := v_slots.hold;
  v_batch.slots := v_slots;
  return v_batch;
end;
$$;
comment on function matching.parse_commands is
  'turns commands into a batch and checks them against the filters';
