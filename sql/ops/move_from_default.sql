-- Moves the rows of a time range out of a table's default partition into a new partition that is
-- not attached yet; without that it could not be attached. The partition key is the last column of
-- the table's primary key. Writes: both. Locks: the default partition, to the end of the
-- transaction.
create or replace function ops.move_from_default(
  p_schema text,
  p_table text,
  p_partition text,
  p_from timestamptz,
  p_to timestamptz
) returns void
language plpgsql volatile
as $$
declare
  v_key text := pg_catalog.pg_get_partkeydef(format('%I.%I', p_schema, p_table)::regclass);
begin
  v_key := substring(v_key from '\((.*)\)');
  execute format('lock table %I.%I in exclusive mode', p_schema, p_table || '_default');
  execute format(
    'with moved as (delete from %1$I.%2$I where %3$s >= %5$L and %3$s < %6$L returning *) '
      'insert into %1$I.%4$I select * from moved',
    p_schema, p_table || '_default', v_key, p_partition, p_from, p_to
  );
end;
$$;
comment on function ops.move_from_default is 'moves rows out of a default partition into a new one';
