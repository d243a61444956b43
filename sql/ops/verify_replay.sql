-- Runs the recorded commands of a symbol again, in a place of their own, and compares all events,
-- trades, orders and the market that comes of them with what is kept, from an event on: no rows is
-- good. Returns the first difference, by the number of its event [MAT-091]. A batch that cannot be
-- run again, because it breaks an invariant now, is a difference, too.
-- It needs the log from the first event on; participants are in the trade groups that they are in
-- now. Nothing is left of it but dead rows: all is undone before it returns. It holds no lock that
-- others want, but is one long transaction: run it when the market is quiet, or on a copy.
-- Raises: NFSYM.
create or replace function ops.verify_replay(
  p_symbol text,
  p_from_seq bigint default 1,
  p_segment_id int default 1
) returns table (
  seq bigint,
  what text,
  kept jsonb,
  replayed jsonb
)
language plpgsql volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_symbol reference.symbols := reference.get_symbol(p_segment_id, p_symbol);
  v_place reference.symbols;
  v_entry matching.command_log;
  v_fired matching.command[] := '{}';
  v_last_seq bigint;
  v_last_no bigint;
  v_digest text;
begin
  -- One statement, so that the digest is of this very moment.
  select s.last_seq, matching.book_digest(v_symbol), (
    select max(l.log_no)
    from matching.command_log as l
    where l.segment_id = s.segment_id
      and l.symbol_id = s.symbol_id
  )
  into strict v_last_seq, v_digest, v_last_no
  from matching.symbol_state as s
  where s.segment_id = v_symbol.segment_id
    and s.symbol_id = v_symbol.symbol_id;

  begin
    v_place := ops.open_replay(v_symbol);
    for v_entry in
      select l.*
      from matching.command_log as l
      where l.segment_id = v_symbol.segment_id
        and l.symbol_id = v_symbol.symbol_id
        and l.log_no <= v_last_no
      order by l.log_no
    loop
      perform ops.replay_busts(v_symbol, v_place, v_entry.first_seq - 1);
      v_fired := ops.replay_entry(v_place, v_entry, v_fired);
      exit when v_fired is null;
    end loop;
    perform ops.replay_busts(v_symbol, v_place, v_last_seq);
    select d.seq, d.what, d.kept, d.replayed
    into seq, what, kept, replayed
    from ops.compare_replay(v_symbol, v_place, p_from_seq, v_last_seq, v_digest) as d;
    raise exception 'tried' using errcode = 'RJTRY';
  exception
    when sqlstate 'RJTRY' then
      null;
    when sqlstate 'NVBAT' then
      seq := v_entry.first_seq;
      what := 'batch';
      replayed := to_jsonb(sqlerrm);
  end;

  if seq is not null then
    return next;
  end if;
end;
$$;
comment on function ops.verify_replay is
  'verify_replay(symbol): runs the recorded commands again; the first difference, no rows is good';
revoke execute on function ops.verify_replay from public;
grant execute on function ops.verify_replay to pgsettle_operator, pgsettle_auditor;
