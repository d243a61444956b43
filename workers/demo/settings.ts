import { randomInt } from 'node:crypto'
import { ConfigError } from '../../app/config.ts'

export interface DemoSettings {
  /** The same seed on an empty venue makes the same market. */
  seed: number
  /** Orders, amendments and cancels a second, of all bots together, at most. */
  rate: number
}

const mostSeed = 2 ** 31 - 1

/** Throws a ConfigError that names the variable, its value and what is allowed. */
export function parseDemoSettings(env: Record<string, string | undefined>): DemoSettings {
  return {
    seed: readCount(env, 'DEMO_SEED', mostSeed) ?? randomInt(1, mostSeed),
    rate: readCount(env, 'DEMO_RATE', 1000) ?? 40,
  }
}

function readCount(env: Record<string, string | undefined>, name: string, most: number) {
  const text = env[name]
  if (!text) return undefined
  const count = /^\d{1,10}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= most) return count
  throw new ConfigError(
    `${name} is '${text.slice(0, 100)}'; allowed: whole numbers from 1 to ${most}`,
  )
}
