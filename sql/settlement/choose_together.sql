-- Of the units that are left, those that pay for themselves together, and what is available then:
-- all of them, and while an account would be short, the last unit that takes from it is left out.
-- So a ring settles of which none could alone [SET-009]. Computes only.
create or replace function settlement.choose_together(
  p_moves settlement.unit_move[],
  p_available numeric[],
  p_chosen boolean[],
  out chosen boolean[],
  out available numeric[]
)
language plpgsql immutable
as $$
declare
  v_short int;
  v_out int;
begin
  chosen := array(select not c from unnest(p_chosen) as c);
  available := p_available;
  for k in 1..cardinality(p_moves) loop
    continue when not chosen[p_moves[k].unit_no];
    available[p_moves[k].account_no] := available[p_moves[k].account_no] + p_moves[k].amount;
  end loop;

  loop
    select s.n into v_short
    from unnest(available) with ordinality as s (amount, n)
    where s.amount < 0
    order by s.n
    limit 1;
    exit when v_short is null;

    select max(m.unit_no) into v_out
    from unnest(p_moves) as m
    where chosen[m.unit_no]
      and m.account_no = v_short
      and m.amount < 0;
    chosen[v_out] := false;
    for k in 1..cardinality(p_moves) loop
      continue when p_moves[k].unit_no <> v_out;
      available[p_moves[k].account_no] := available[p_moves[k].account_no] - p_moves[k].amount;
    end loop;
  end loop;
end;
$$;
comment on function settlement.choose_together is 'which of the units left pay for themselves';
