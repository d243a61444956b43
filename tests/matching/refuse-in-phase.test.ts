import t from 'tap'
import { testDatabase } from '../helpers/database.ts'
import { createMarket } from '../helpers/market.ts'

const words: Record<string, string | null> = {
  '-': null,
  delist: 'SYMBOL_DELISTED',
  halted: 'SYMBOL_HALTED',
  cancel: 'CANCEL_ONLY',
  closed: 'SYMBOL_CLOSED',
  call: 'CALL_PHASE',
  notin: 'NOT_IN_CALL',
  locked: 'CANCELS_LOCKED',
}

/** Each command with what it is: operation, type, time in force, takes only quantity away. */
const commands: Record<string, [string, (string | null)?, (string | null)?, boolean?]> = {
  GTC: ['PLACE', 'LIMIT', 'GTC'],
  GTD: ['PLACE', 'LIMIT', 'GTD'],
  DAY: ['PLACE', 'LIMIT', 'DAY'],
  IOC: ['PLACE', 'LIMIT', 'IOC'],
  FOK: ['PLACE', 'LIMIT', 'FOK'],
  MARKET: ['PLACE', 'MARKET', 'IOC'],
  GTX: ['PLACE', 'LIMIT', 'GTX'],
  OPG: ['PLACE', 'LIMIT', 'OPG'],
  MOO: ['PLACE', 'MARKET', 'OPG'],
  CLS: ['PLACE', 'LIMIT', 'CLS'],
  GFA: ['PLACE', 'LIMIT', 'GFA'],
  STOP: ['PLACE', 'STOP', 'IOC'],
  TRAIL: ['PLACE', 'TRAILING_STOP', 'IOC'],
  SLIM: ['PLACE', 'STOP_LIMIT', 'GTC'],
  AMEND: ['AMEND'],
  DOWN: ['AMEND', null, null, true],
  CANCEL: ['CANCEL'],
  RELEASE: ['RELEASE', 'STOP', 'IOC'],
}

/** The columns: status, phase, what follows it, and what else is the case. */
const situations = [
  'DELISTED CLOSED -',
  'HALTED CONTINUOUS -',
  'HALTED CALL CONTINUOUS',
  'MAINTENANCE CONTINUOUS -',
  'ACTIVE PRE_OPEN CALL',
  'ACTIVE CALL CONTINUOUS',
  'ACTIVE CALL CLOSED',
  'ACTIVE CALL -',
  'ACTIVE CALL CLOSED locked',
  'HALTED CALL CLOSED locked',
  'ACTIVE CONTINUOUS -',
  'ACTIVE CLOSED CALL',
  'ACTIVE CLOSED - refusing',
]

const table = `
GTC     delist halted halted cancel -      -      -      -      -      halted -      -      closed
GTD     delist halted halted cancel -      -      -      -      -      halted -      -      closed
DAY     delist halted halted cancel -      -      -      -      -      halted -      -      closed
IOC     delist halted halted cancel call   call   call   call   call   halted -      closed closed
FOK     delist halted halted cancel call   call   call   call   call   halted -      closed closed
MARKET  delist halted halted cancel call   call   call   call   call   halted -      closed closed
GTX     delist halted halted cancel call   call   call   call   call   halted -      closed closed
OPG     delist halted halted cancel -      -      notin  -      notin  halted notin  closed closed
MOO     delist halted halted cancel -      -      notin  -      notin  halted notin  closed closed
CLS     delist halted halted cancel notin  notin  -      notin  -      halted notin  closed closed
GFA     delist halted halted cancel -      -      -      -      -      halted notin  closed closed
STOP    delist halted halted cancel -      -      -      -      -      halted -      -      closed
TRAIL   delist halted halted cancel -      -      -      -      -      halted -      -      closed
SLIM    delist halted halted cancel -      -      -      -      -      halted -      -      closed
AMEND   delist halted halted cancel -      -      -      -      locked halted -      -      -
DOWN    delist halted halted -      -      -      -      -      locked halted -      -      -
CANCEL  -      -      -      -      -      -      -      -      locked -      -      -      -
RELEASE -      -      -      -      -      -      -      -      -      -      -      -      -
`

t.test('[MAT-070] every cell of the table of phases and commands is as it says', async t => {
  const db = await testDatabase(t)
  await createMarket(db, {})
  const text = `
    select matching.refuse_in_phase(
        jsonb_populate_record(s, jsonb_build_object('status', $1::text,
          'accept_when_closed', $2::boolean)),
        $3, $4, $5, $6, $7, $8, $9
      ) as refusal
    from reference.symbols as s`

  for (const line of table.trim().split('\n')) {
    const [name = '', ...cells] = line.split(/\s+/)
    const [operation, type, timeInForce, onlyReduces = false] = commands[name] ?? []
    t.equal(cells.length, situations.length)
    for (const [n, situation] of situations.entries()) {
      const [status, phase, next, more] = situation.split(' ')
      const place = [status, more !== 'refusing', phase, next === '-' ? null : next]
      const asked = [more === 'locked', operation, type, timeInForce, onlyReduces]
      const [said] = await db.query(text, [...place, ...asked])
      t.equal(said?.refusal, words[cells[n] ?? ''], `${situation}: ${name}`)
    }
  }
})

t.test('[MAT-070] cancels are locked in the last part of a call, by its announced end', async t => {
  const db = await testDatabase(t)
  await createMarket(db, {})
  const locked = async (phase: string, at: string, lock: string) => {
    const [row] = await db.query(
      `select matching.are_cancels_locked(
          jsonb_populate_record(s, jsonb_build_object('cancel_lock_time', $3::text)),
          jsonb_populate_record(t, jsonb_build_object('phase', $1::text,
            'phase_end_at', '2026-03-02T12:05:00Z', 'phase_until', '2026-03-02T12:05:20Z')), $2
        ) as said
        from reference.symbols as s join matching.symbol_state as t using (symbol_id)`,
      [phase, at, lock],
    )
    return row?.said
  }

  t.equal(await locked('CALL', '2026-03-02T12:04:29Z', '30 seconds'), false)
  t.equal(await locked('CALL', '2026-03-02T12:04:30Z', '30 seconds'), true)
  t.equal(await locked('CALL', '2026-03-02T12:05:10Z', '30 seconds'), true)
  t.equal(await locked('CALL', '2026-03-02T12:04:59Z', '0'), false, 'unless it is not set')
  t.equal(await locked('CONTINUOUS', '2026-03-02T12:04:59Z', '30 seconds'), false)
})
