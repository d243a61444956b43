import { existsSync } from 'node:fs'
import { isIP } from 'node:net'
import { readSecret } from './webhook-signatures.ts'

export interface Config {
  /** Null: the embedded server is started. */
  databaseUrl: string | null
  dataDir: string
  host: string
  port: number
  settlementWorkers: number
  settlementBatch: number
  logLevel: LogLevel
  /** Where money that leaves is sent to; null: nowhere. */
  outsideWebhook: OutsideWebhook | null
  authMode: 'off' | 'required'
}

export interface OutsideWebhook {
  url: string
  secret: Buffer
}

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** One line that names the variable, its value, and what is allowed. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

type Environment = Record<string, string | undefined>

/** The variables of this process, with those of `.env` for what is not set. */
export function loadEnvironment(): Environment {
  if (existsSync('.env')) process.loadEnvFile('.env')
  return process.env
}

/** An empty variable is one that is not set, as compose files pass them on. */
export function parseConfig(env: Environment): Config {
  const { databaseUrl, dataDir } = parseDatabaseConfig(env)
  const host = readHost(env)
  return {
    databaseUrl,
    dataDir,
    host,
    port: readCount(env, 'PORT', { unset: 8080, least: 0, most: 65535 }),
    settlementWorkers: readCount(env, 'SETTLEMENT_WORKERS', { unset: 2, least: 1, most: 16 }),
    settlementBatch: readCount(env, 'SETTLEMENT_BATCH', { unset: 2000, least: 1, most: 10_000 }),
    logLevel: readWord(env, 'LOG_LEVEL', LOG_LEVELS) ?? 'info',
    outsideWebhook: readOutsideWebhook(env),
    authMode: readAuthMode(env, databaseUrl, host),
  }
}

/** Only where the database is, for what serves nobody. */
export function parseDatabaseConfig(env: Environment): Pick<Config, 'databaseUrl' | 'dataDir'> {
  return { databaseUrl: readDatabaseUrl(env), dataDir: env.DATA_DIR || '.data' }
}

function readDatabaseUrl(env: Environment): string | null {
  const text = env.DATABASE_URL
  if (!text) return null
  if (/^postgres(ql)?:\/\//.test(text) && URL.canParse(text)) {
    if (new URL(text).pathname.length > 1) return text
  }
  const withoutPassword = text
    .replace(/(:\/\/[^:@/]*|^[^:@/]*):.*@/s, '$1:***@')
    .replace(/(password=)[^&]*/gi, '$1***')
  throw refusal('DATABASE_URL', withoutPassword, 'postgres://user:password@host:port/database')
}

function readHost(env: Environment): string {
  const host = env.HOST || '127.0.0.1'
  const isName = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(host) && !/^[\d.]+$/.test(host)
  if (isIP(host) === 0 && !isName) throw refusal('HOST', host, 'an IP address or a host name')
  return host
}

/**
 * `off` lets every caller do everything, so it is for one's own machine only: the default where
 * the database is the embedded one and the address loopback, refused on any other address.
 */
function readAuthMode(
  env: Environment,
  databaseUrl: string | null,
  host: string,
): Config['authMode'] {
  const isLocal = isLoopback(host)
  const byDefault = databaseUrl === null && isLocal ? 'off' : 'required'
  const mode = readWord(env, 'AUTH_MODE', ['off', 'required']) ?? byDefault
  if (mode === 'off' && !isLocal) {
    throw refusal('AUTH_MODE', 'off', `required, because HOST ${host} is not a loopback address`)
  }
  if (mode === 'required') {
    const set = isLocal ? 'AUTH_MODE=off' : 'AUTH_MODE=off and HOST=127.0.0.1'
    throw new ConfigError(
      `AUTH_MODE is 'required'${env.AUTH_MODE ? '' : ' by default here'}, but this version has ` +
        `no API keys yet: set ${set} (allowed on a loopback HOST only)`,
    )
  }
  return mode
}

/**
 * The address is the operator's word only. A message is signed, not sealed, so it does not travel
 * in the open: plain HTTP is for this machine.
 */
function readOutsideWebhook(env: Environment): OutsideWebhook | null {
  const { OUTSIDE_WEBHOOK_URL: text, OUTSIDE_WEBHOOK_SECRET: secretText } = env
  if (!text && !secretText) return null
  if (!text || !secretText) {
    const name = text ? 'OUTSIDE_WEBHOOK_SECRET' : 'OUTSIDE_WEBHOOK_URL'
    throw refusal(name, '', 'a value, as the other of OUTSIDE_WEBHOOK_URL and _SECRET has one')
  }
  const url = URL.canParse(text) ? new URL(text) : null
  const isPrivate = url?.protocol === 'http:' && isLoopback(url.hostname.replace(/^\[|\]$/g, ''))
  if (url === null || !(url.protocol === 'https:' || isPrivate) || url.username || url.password) {
    const shown = text.replace(/\/\/[^/@]*@/, '//***@')
    throw refusal('OUTSIDE_WEBHOOK_URL', shown, 'https://host/path, or http:// on a loopback host')
  }
  const secret = readSecret(secretText)
  if (secret !== null) return { url: url.href, secret }
  throw refusal('OUTSIDE_WEBHOOK_SECRET', '***', 'whsec_ and 24 to 64 bytes in base64')
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function readCount(
  env: Environment,
  name: string,
  range: { unset: number; least: number; most: number },
): number {
  const text = env[name]
  if (!text) return range.unset
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (count >= range.least && count <= range.most) return count
  throw refusal(name, text, `whole numbers from ${range.least} to ${range.most}`)
}

function readWord<Word extends string>(
  env: Environment,
  name: string,
  allowed: readonly Word[],
): Word | null {
  const text = env[name]
  if (!text) return null
  const word = allowed.find(candidate => candidate === text.toLowerCase())
  if (word === undefined) throw refusal(name, text, allowed.join(', '))
  return word
}

function refusal(name: string, value: string, allowed: string): ConfigError {
  const shown = value.replace(/\s+/g, ' ').slice(0, 100)
  return new ConfigError(`${name} is '${shown}'; allowed: ${allowed}`)
}
