import { Decimal } from 'decimal.js'
import type { Balance, VenueClient } from './venue-client.ts'

/** A bot's money: kept up by deposits, and compared with what was put in. */
export interface Purse {
  /** Deposits what is running low. Returns how much of each asset trading has brought or taken. */
  review(): Promise<ReadonlyMap<string, Decimal>>
}

export interface PurseOptions {
  client: VenueClient
  clientId: string
  /** How much of each asset a full purse has available; below half of it, it is filled up. */
  full: ReadonlyMap<string, Decimal>
  /** Begins the keys of its deposits: another one at each start of the demo. */
  runId: string
}

export function createPurse({ client, clientId, full, runId }: PurseOptions): Purse {
  /** What each account would hold, had the bot not traded since the demo's start. */
  const put = new Map<string, Decimal>()
  let deposits = 0

  return {
    async review() {
      const balances = new Map((await client.balances(clientId)).map(each => [each.asset, each]))
      const earned = new Map<string, Decimal>()
      for (const [asset, wanted] of full) {
        const balance = balances.get(asset)
        const total = totalOf(balance)
        const before = put.get(asset) ?? total
        earned.set(asset, total.minus(before))
        const missing = wanted.minus(balance?.available ?? 0)
        const isLow = missing.times(2).gt(wanted)
        if (isLow) {
          deposits += 1
          const key = `demo-${runId}-${clientId}-${deposits}`
          await client.deposit(clientId, asset, missing.toFixed(), key)
        }
        put.set(asset, isLow ? before.plus(missing) : before)
      }
      return earned
    },
  }
}

/** With what is on its way, so that it does not matter how far settlement has come. */
function totalOf(balance: Balance | undefined): Decimal {
  if (balance === undefined) return new Decimal(0)
  const { available, held, unsettled_in, unsettled_out } = balance
  return Decimal.sum(available, held, unsettled_in).minus(unsettled_out)
}
