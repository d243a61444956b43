/**
 * What the embedded server is set to: 2 cores, a few gigabytes of memory, a load that mostly
 * writes. What is not named stands at PostgreSQL's default. They are written to pgsettle.conf;
 * postgresql.conf below the include and ALTER SYSTEM win over them.
 */
const SETTINGS: Record<string, string> = {
  // Durability is the product: an acknowledged order survives any kill. Said, although default.
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',

  // The hot book, the accounts and the newest partitions fit; the rest is the kernel's cache.
  shared_buffers: '256MB',
  effective_cache_size: '1GB',
  work_mem: '16MB',
  maintenance_work_mem: '128MB',
  // One batch of 2,000 orders writes several megabytes before its commit flushes them.
  wal_buffers: '16MB',

  // Every checkpoint makes the next write of each page a full one, so there should be few.
  max_wal_size: '2GB',
  min_wal_size: '256MB',
  checkpoint_timeout: '15min',

  max_connections: '100',
  // Partitions by month and by day: a scan over all of them locks each, with its indexes.
  max_locks_per_transaction: '256',
  // Compilation costs more than any statement here gains; the npm binaries have none anyway.
  jit: 'off',
  random_page_cost: '1.1',

  // The book and the pending instructions are small and change all the time; dead rows in them are
  // walked by every match and every claim.
  autovacuum_naptime: '15s',
  // A session that sits in a transaction holds back the vacuum of all tables.
  idle_in_transaction_session_timeout: '60s',

  log_lock_waits: 'on',
  log_line_prefix: "'%m [%p] %q%u@%d %a '",
  log_timezone: 'UTC',
  timezone: 'UTC',
  datestyle: "'iso, ymd'",
}

/** The text of pgsettle.conf; `overrides` are for the throw-away servers of tests. */
export function settingsFile(overrides: Record<string, string>): string {
  const lines = Object.entries({ ...SETTINGS, ...overrides }).map(([k, v]) => `${k} = ${v}`)
  return `${lines.join('\n')}\n`
}
