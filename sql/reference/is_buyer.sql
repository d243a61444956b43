-- Whether a word names the buyer of a trade, and not its seller. Raises IVSID for another word.
create or replace function reference.is_buyer(
  p_side text
) returns boolean
language plpgsql immutable
as $$
begin
  case upper(p_side)
    when 'BUYER' then return true;
    when 'SELLER' then return false;
    else
      raise exception 'a side is BUYER or SELLER, not %', p_side
        using errcode = 'IVSID', hint = 'BAD_SIDE', column = 'side';
  end case;
end;
$$;
comment on function reference.is_buyer is 'whether a word names the buyer of a trade';
