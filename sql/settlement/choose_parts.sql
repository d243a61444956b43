-- Of candidates that lack assets and may settle in part: the largest part of each that its seller
-- can deliver and its buyer can pay, in their order; a multiple of the unit, not below the minimum.
-- Cash is never short in part: who cannot pay the part waits [SET-007]. Computes only.
-- Takes which units were chosen already, and what the accounts have available after that.
create or replace function settlement.choose_parts(
  p_segment_id int,
  p_candidates settlement.candidate[],
  p_chosen boolean[],
  p_participant_ids int[],
  p_asset_ids int[],
  p_available numeric[]
) returns settlement.part[]
language plpgsql stable
as $$
declare
  v_left jsonb := coalesce((
    select jsonb_object_agg(a.participant_id || ' ' || a.asset_id, a.available)
    from unnest(p_participant_ids, p_asset_ids, p_available)
      as a (participant_id, asset_id, available)
    where a.available < 'Infinity'
  ), '{}');
  v_parts settlement.part[] := '{}';
  v_part settlement.part;
  v_candidate settlement.candidate;
  v_seller text;
  v_buyer text;
begin
  foreach v_candidate in array p_candidates loop
    continue when v_candidate.reason is not null or p_chosen[v_candidate.unit_no]
      or v_candidate.part_unit is null;
    v_part := v_candidate.part;
    v_seller := v_part.seller_id || ' ' || v_part.base_asset_id;
    v_buyer := v_part.buyer_id || ' ' || v_part.quote_asset_id;
    v_part := settlement.largest_part(
      p_segment_id, v_candidate, (v_left ->> v_seller)::numeric
    );
    continue when v_part is null
      or v_part.notional + v_part.buyer_fee > coalesce((v_left ->> v_buyer)::numeric, 'Infinity');

    v_parts := v_parts || v_part;
    v_left := v_left || jsonb_build_object(
      v_seller, (v_left ->> v_seller)::numeric - v_part.quantity,
      v_buyer, (v_left ->> v_buyer)::numeric - v_part.notional - v_part.buyer_fee
    );
  end loop;
  return v_parts;
end;
$$;
comment on function settlement.choose_parts is 'which parts settle of what cannot settle whole';
