-- What a journal's link is made from of its lines: their numbers, in the order of the digest, 4
-- bytes to know each by, and the digest of all their contents.
create type ledger.journal_lines as (
  line_nos int[],
  line_marks bytea,
  digest bytea
);

alter table ledger.segment_state add column last_link bytea not null default '';
comment on column ledger.segment_state.last_link is
  'the link of the last journal; empty before the first';

alter table ledger.journals
  add column line_nos int[],
  add column line_marks bytea,
  add column link bytea;
-- Digests cannot be compressed, and the attempt takes time while others wait.
alter table ledger.journals
  alter column line_nos set storage external,
  alter column line_marks set storage external;
comment on column ledger.journals.line_nos is
  'the numbers of its lines, in the order of the digest';
comment on column ledger.journals.line_marks is
  'the first 4 bytes of the digest of each line: names the one that was changed';
comment on column ledger.journals.link is
  'sha-256 over the link before it, the number, the journal and its transfers';

drop function ledger.post_journal(int, bigint, ledger.journal_kind, timestamptz, bigint[], int);

-- Links for the journals that stand already, as ledger.post_journal gives them.
do $$
declare
  v_journal ledger.journals;
  v_segment_id int := 0;
  v_link bytea;
  v_lines ledger.journal_lines;
begin
  for v_journal in select j.* from ledger.journals as j order by j.segment_id, j.finality_no loop
    if v_journal.segment_id <> v_segment_id then
      v_segment_id := v_journal.segment_id;
      v_link := '';
    end if;

    select
      coalesce(array_agg(l.line_no order by l.line_no), '{}'),
      coalesce(string_agg(substr(sha256(l.content), 1, 4), '' order by l.line_no), ''),
      sha256(coalesce(string_agg(l.content, '' order by l.line_no), ''))
    into v_lines
    from (
      select
        t.line_no,
        int8send((t.debit_participant_id::bigint << 32) + t.credit_participant_id)
          || int8send(coalesce(t.instruction_id, 0)) || int4send(t.asset_id)
          || numeric_send(t.amount) || enum_send(t.kind) as content
      from ledger.transfers as t
      where t.segment_id = v_journal.segment_id
        and t.journal_id = v_journal.journal_id
    ) as l;

    v_link := sha256(v_link || int8send(v_journal.finality_no) || sha256(
      convert_to(
        row(v_journal.segment_id, v_journal.journal_id, v_journal.kind,
          (extract(epoch from v_journal.posted_at) * 1000000)::bigint,
          v_journal.transfer_count, v_journal.instruction_ids)::text, 'UTF8'
      ) || array_send(v_lines.line_nos) || v_lines.digest
    ));
    update ledger.journals as j
    set line_nos = v_lines.line_nos,
      line_marks = v_lines.line_marks,
      link = v_link
    where j.segment_id = v_journal.segment_id
      and j.journal_id = v_journal.journal_id;
    update ledger.segment_state as s
    set last_link = v_link
    where s.segment_id = v_journal.segment_id;
  end loop;
end
$$;

alter table ledger.journals
  alter column line_nos set not null,
  alter column line_marks set not null,
  alter column link set not null;

-- PostgreSQL lets everybody make large objects. Who does not own the server gets a warning here.
revoke execute on function pg_catalog.lo_create(oid), pg_catalog.lo_creat(int),
  pg_catalog.lo_from_bytea(oid, bytea) from public;

--!include ledger/line_mark.sql
--!include ledger/journal_digest.sql
--!include ledger/next_link.sql
--!include ledger/post_journal.sql
--!include ledger/transfer_content.sql
--!include ledger/deposit.sql
--!include ops/chain_lines.sql
--!include ops/chain_changes.sql
--!include ops/chain_export.sql
--!include ops/chain_journals.sql
--!include ops/verify_chain.sql
--!include settlement/settle_instructions.sql
