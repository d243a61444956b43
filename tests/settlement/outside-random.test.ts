import t from 'tap'
import { audit } from '../helpers/market.ts'
import {
  answer,
  type Claim,
  claim,
  type LegRow,
  legs,
  letGo,
  type OutsideVenue,
  outsideVenue,
  report,
  seconds,
} from '../helpers/outside.ts'
import { randomNumbers, seed } from '../helpers/seed.ts'

const steps = 250

/** What the receiver has done with an external id: each once, and it says the same for ever. */
type Result = 'CONFIRMED' | 'VOIDED' | 'ACCEPTED'

interface World extends OutsideVenue {
  random(): number
  pick<Item>(items: readonly Item[]): Item | undefined
  results: Map<string, Result>
  /** What workers have in their hands, however old. */
  claims: Claim[]
  /** The states that something was refused with. */
  refused: Set<string>
  elapsed: number
  asked: number
}

const now = ({ elapsed }: World) => seconds(elapsed)

/** The receiver hears of a leg, and decides about it, if it has not before. */
function send({ results, pick }: World, externalId: string): string {
  const said =
    results.get(externalId) ??
    pick(['CONFIRMED', 'VOIDED', 'ACCEPTED', 'RETRY', 'REFUSED'] as const)
  if (said === undefined || said === 'RETRY' || said === 'REFUSED') return said ?? 'RETRY'
  results.set(externalId, said)
  return said
}

/** Workers that freeze and come back, answers that get lost, operators and clients. */
const acts: Record<string, (world: World) => Promise<unknown>> = {
  ask: world => {
    const amount = String(1 + Math.floor(world.random() * 20) / 4)
    const client = world.random() < 0.5 ? 'alice' : 'bob'
    return letGo(world.app, { client, amount, key: String(world.asked++), now: now(world) })
  },
  /** One trade or another of which a leg is made outside. */
  instruct: world => {
    const sides = world.random() < 0.5 ? ['alice', 'bob'] : ['bob', 'alice']
    const leg = world.random() < 0.5 ? 'DELIVERY' : 'PAYMENT'
    const quantity = Math.ceil(world.random() * 8) / 8
    const text = "select instruct_outside('BTC-USD', $1, $2, $3, $4, $5, 'ann', 1, $6)"
    return world.operator.query(text, [...sides, quantity, quantity * 7, leg, now(world)])
  },
  claim: async world => {
    const limit = 1 + Math.floor(world.random() * 3)
    world.claims.push(...(await claim(world.worker, { now: now(world), limit })))
  },
  /** A worker sends what it has; its answer may be lost, on either way. */
  send: async world => {
    const leg = world.pick(world.claims)
    if (leg === undefined) return
    const said = send(world, leg.external_id)
    const heard = world.random() < 0.2 ? 'RETRY' : said
    if (world.random() < 0.7) world.claims.splice(world.claims.indexOf(leg), 1)
    if (world.random() < 0.7) await report(world.worker, leg, heard, { now: now(world) })
  },
  /** What was taken is done, or not, and perhaps the receiver says so. */
  decide: async world => {
    const [id, was] = world.pick([...world.results]) ?? []
    const result = was === 'ACCEPTED' ? world.pick(['CONFIRMED', 'VOIDED'] as const) : was
    if (id === undefined || result === undefined) return
    world.results.set(id, result)
    if (world.random() < 0.7) await answer(world.app, id, result, { now: now(world) })
  },
  /** An operator looks at the receiver's books, and says what they say. */
  override: async world => {
    const leg = world.pick((await legs(world.db)).filter(one => one.ended_by === null))
    if (leg === undefined) return
    const verb = world.results.get(leg.external_id) === 'CONFIRMED' ? 'confirm' : 'void'
    const text = `select ${verb}_outside_leg($1, $2, 'statement', p_now => $3)`
    const by = world.random() < 0.5 ? 'ann' : 'cid'
    await world.operator.query(text, [leg.leg_id, by, now(world)])
  },
  retry: async world => {
    const leg = world.pick(await legs(world.db))
    if (leg) await retry(world, leg)
  },
  wait: async world => {
    world.elapsed += world.pick([1, 5, 31, 400, 3700]) ?? 0
  },
}
const usual = 'ask instruct claim claim send send send decide wait wait'.split(' ')
const rare = ['override', 'retry']

const retry = (world: World, { leg_id }: LegRow) => {
  const text = "select retry_outside_leg($1, 'cid', p_now => $2)"
  return world.operator.query(text, [leg_id, now(world)])
}

/** One act; what is refused is remembered. */
async function step(world: World): Promise<void> {
  const act = acts[world.pick(world.random() < 0.1 ? rare : usual) ?? '']
  await act?.(world).catch(error => void world.refused.add(error.code))
}

/** All that was lost is said again, until each leg has ended. */
async function finish(world: World): Promise<LegRow[]> {
  const { db, app, worker, results } = world
  for (let round = 0; round < 100; round++) {
    const open = (await legs(db)).filter(leg => leg.ended_by === null)
    if (open.length === 0) break
    for (const leg of open.filter(({ status }) => status === 'FAILED')) await retry(world, leg)
    world.elapsed += 3700
    for (const leg of await claim(worker, { now: now(world), limit: 1000 })) {
      const known = results.get(leg.external_id)
      const said = known === undefined || known === 'ACCEPTED' ? 'CONFIRMED' : known
      results.set(leg.external_id, said)
      await report(worker, leg, said, { now: now(world) })
    }
  }
  for (const [id, result] of results) {
    if (result !== 'ACCEPTED') await answer(app, id, result, { now: now(world) })
  }
  return legs(db)
}

t.test(`[SET-040] whatever happens, money leaves once or stays (seed ${seed})`, async t => {
  const random = randomNumbers()
  const world: World = {
    ...(await outsideVenue(t)),
    random,
    pick: items => items[Math.floor(random() * items.length)],
    results: new Map(),
    claims: [],
    refused: new Set(),
    elapsed: 0,
    asked: 0,
  }
  const { db, operator } = world
  await operator.query("select set_outside_asset('BTC')")

  for (let n = 1; n <= steps; n++) {
    await step(world)
    if (n % 10 === 0) t.same(await audit(db), [], `step ${n}`)
  }
  const ended = await finish(world)

  t.ok(ended.length > 10)
  for (const leg of ended) {
    const said = world.results.get(leg.external_id)
    const facts = `leg ${leg.leg_id} is ${leg.status}, the receiver says ${said}`
    if (leg.disputed_at !== null) t.not(leg.status, said, facts)
    else if (leg.status === 'CONFIRMED') t.equal(said, 'CONFIRMED', facts)
    else t.not(said, 'CONFIRMED', facts)
  }
  const [sums] = await db.query(
    `select
      (select sum(a.posted)::numeric::text from accounts as a join assets as s using (asset_id)
        where s.asset = 'USD' and not a.may_be_negative) as left,
      (200 - coalesce(sum(w.amount) filter (where w.status = 'POSTED'), 0))::text as expected,
      count(*) filter (where w.status = 'PENDING')::int as pending
    from withdrawals as w`,
  )
  t.equal(Number(sums?.left), Number(sums?.expected), 'what did not leave is there')
  t.equal(sums?.pending, 0)
  t.match(await db.query('select sum(held)::int as held from accounts'), [{ held: 0 }])
  t.same(await audit(db), [])
  t.same(await db.query('select * from verify_chain()'), [])
  t.comment(`${ended.length} legs of ${world.asked}, refused: ${[...world.refused].sort()}`)
})
