/** What is to be done outside the database, as an adapter is told it. */
export interface OutsideLeg {
  leg_id: string
  /** Grows with each claim. A receiver that has seen a higher one can refuse this. */
  token: string
  /** Counted from 1. */
  attempt: number
  /** Which adapter sends it. */
  adapter: string
  /** The same at each attempt: who has seen it does nothing again. */
  external_id: string
  kind: 'WITHDRAWAL' | 'DELIVERY' | 'PAYMENT'
  /** What it is of: one of the two. */
  withdrawal_id: string | null
  settlement_id: string | null
  from_client_id: string
  /** Of a withdrawal the world outside. */
  to_client_id: string
  asset: string
  amount: string
}

/** What became of an attempt; see settlement.report_outside_leg. */
export interface Answer {
  /**
   * CONFIRMED: it has left. VOIDED: it has not, and will not. ACCEPTED: the result comes later.
   * RETRY: nobody knows. REFUSED: a person has to look at it.
   */
  outcome: 'CONFIRMED' | 'VOIDED' | 'ACCEPTED' | 'RETRY' | 'REFUSED'
  reason: string | null
  /** What the receiver calls it. */
  reference: string | null
}

/**
 * A way to a bank, a chain or a custodian. `send` may be called any number of times for one leg,
 * and two calls may even overlap, when a worker was frozen: all that makes it one payment is that
 * the receiver is told its external id each time. A signal that aborts ends the attempt. What it
 * throws counts as RETRY.
 */
export interface Adapter {
  readonly name: string
  send(leg: OutsideLeg, signal: AbortSignal): Promise<Answer>
}
