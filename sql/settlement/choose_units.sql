-- Chooses which units settle with what is available, and says what is available then [SET-009].
-- First each in its order that can be paid: always the first of those that can, so when one brings
-- what an earlier one lacked, that comes before all behind it [SET-006]. Then the largest set of
-- the rest that pays for itself: all of them together, and while an account would be short, its
-- last unit that takes from it is left out. Computes only.
-- Takes how many units there are, their moves in the order of units, and what each account has
-- available.
create or replace function settlement.choose_units(
  p_count int,
  p_moves settlement.unit_move[],
  inout p_available numeric[],
  out chosen boolean[]
)
language plpgsql immutable
as $$
declare
  v_from int[];
  v_to int[];
  v_set boolean[];
  v_sums numeric[];
  v_short boolean[];  -- accounts of which an earlier unit lacked something
  v_fits boolean;
  v_progress boolean;
  v_again boolean;
begin
  chosen := array_fill(false, array[p_count]);
  select
    array_agg(coalesce(f.first_n, 1) order by u.n), array_agg(coalesce(f.last_n, 0) order by u.n)
  into v_from, v_to
  from generate_series(1, p_count) as u (n)
  left join (
    select m.unit_no, min(m.n), max(m.n)
    from unnest(p_moves) with ordinality as m (unit_no, account_no, amount, n)
    group by m.unit_no
  ) as f (unit_no, first_n, last_n)
    on f.unit_no = u.n;

  loop
    loop
      v_progress := false;
      v_again := false;
      v_short := '{}';
      for i in 1..p_count loop
        continue when chosen[i];
        v_fits := true;
        for k in v_from[i]..v_to[i] loop
          if p_moves[k].amount < 0
            and p_available[p_moves[k].account_no] + p_moves[k].amount < 0 then
            v_fits := false;
            v_short[p_moves[k].account_no] := true;
          end if;
        end loop;
        continue when not v_fits;
        chosen[i] := true;
        v_progress := true;
        for k in v_from[i]..v_to[i] loop
          p_available[p_moves[k].account_no] :=
            p_available[p_moves[k].account_no] + p_moves[k].amount;
          v_again := v_again
            or p_moves[k].amount > 0 and v_short[p_moves[k].account_no] is true;
        end loop;
        exit when v_again;
      end loop;
      exit when not v_progress;
    end loop;

    select r.chosen, r.available into v_set, v_sums
    from settlement.choose_together(p_moves, p_available, chosen) as r;
    exit when not true = any (v_set);
    p_available := v_sums;
    chosen := array(select c or s from unnest(chosen, v_set) as x (c, s));
  end loop;
end;
$$;
comment on function settlement.choose_units is 'chooses which units settle with what is available';
