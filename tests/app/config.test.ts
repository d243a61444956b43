import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import t from 'tap'
import {
  type Config,
  ConfigError,
  loadEnvironment,
  parseConfig,
  parseDatabaseConfig,
} from '../../app/config.ts'
import { makeDataDir } from '../helpers/cluster.ts'

const DEFAULTS: Config = {
  databaseUrl: null,
  dataDir: '.data',
  host: '127.0.0.1',
  port: 8080,
  settlementWorkers: 2,
  settlementBatch: 2000,
  logLevel: 'info',
  outsideWebhook: null,
  authMode: 'off',
}
const DATABASE_URL = 'postgres://owner:secret@db.example:5432/venue'

t.test('with nothing set it is the embedded server on a loopback address', async t => {
  t.same(parseConfig({}), DEFAULTS)
  const empty = { DATABASE_URL: '', PORT: '', HOST: '', AUTH_MODE: '', LOG_LEVEL: '', DATA_DIR: '' }
  t.same(parseConfig(empty), DEFAULTS, 'an empty variable is one that is not set')
})

const accepted: [Record<string, string>, Partial<Config>][] = [
  [{ PORT: '0' }, { port: 0 }],
  [{ PORT: '65535' }, { port: 65535 }],
  [{ HOST: 'localhost' }, { host: 'localhost' }],
  [{ HOST: '::1' }, { host: '::1' }],
  [{ HOST: '127.1.2.3' }, { host: '127.1.2.3' }],
  [{ SETTLEMENT_WORKERS: '16' }, { settlementWorkers: 16 }],
  [{ SETTLEMENT_BATCH: '1' }, { settlementBatch: 1 }],
  [{ LOG_LEVEL: 'WARN' }, { logLevel: 'warn' }],
  [{ LOG_LEVEL: 'silent' }, { logLevel: 'silent' }],
  [{ DATA_DIR: '/srv/venue' }, { dataDir: '/srv/venue' }],
  [{ AUTH_MODE: 'off' }, {}],
  [{ DATABASE_URL, AUTH_MODE: 'off' }, { databaseUrl: DATABASE_URL }],
  [
    { DATABASE_URL: 'postgresql:///venue?host=/run/postgresql', AUTH_MODE: 'off' },
    { databaseUrl: 'postgresql:///venue?host=/run/postgresql' },
  ],
]
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const outside = (url: string, secret = SECRET) => ({
  OUTSIDE_WEBHOOK_URL: url,
  OUTSIDE_WEBHOOK_SECRET: secret,
})
for (const url of [
  'https://bank.example/legs?of=venue',
  'http://localhost:9/legs',
  'http://127.0.0.1/',
  'http://[::1]:9/',
]) {
  accepted.push([outside(url), { outsideWebhook: { url, secret: Buffer.alloc(32, 7) } }])
}
for (const [env, expected] of accepted) {
  t.test(`accepts ${JSON.stringify(env)}`, async t => {
    t.same(parseConfig(env), { ...DEFAULTS, ...expected })
  })
}

const NO_KEYS = 'but this version has no API keys yet: set AUTH_MODE=off'
const LOCALLY = '(allowed on a loopback HOST only)'
const refused: [Record<string, string>, string][] = [
  [{ PORT: 'http' }, "PORT is 'http'; allowed: whole numbers from 0 to 65535"],
  [{ PORT: '65536' }, "PORT is '65536'; allowed: whole numbers from 0 to 65535"],
  [{ PORT: '-1' }, "PORT is '-1'; allowed: whole numbers from 0 to 65535"],
  [{ PORT: '80.5' }, "PORT is '80.5'; allowed: whole numbers from 0 to 65535"],
  [{ PORT: '1e3' }, "PORT is '1e3'; allowed: whole numbers from 0 to 65535"],
  [{ HOST: 'my host' }, "HOST is 'my host'; allowed: an IP address or a host name"],
  [{ HOST: '300.1.1.1' }, "HOST is '300.1.1.1'; allowed: an IP address or a host name"],
  [{ HOST: 'a\nb' }, "HOST is 'a b'; allowed: an IP address or a host name"],
  [{ SETTLEMENT_WORKERS: '0' }, "SETTLEMENT_WORKERS is '0'; allowed: whole numbers from 1 to 16"],
  [
    { SETTLEMENT_BATCH: 'all' },
    "SETTLEMENT_BATCH is 'all'; allowed: whole numbers from 1 to 10000",
  ],
  [
    { LOG_LEVEL: 'loud' },
    "LOG_LEVEL is 'loud'; allowed: fatal, error, warn, info, debug, trace, silent",
  ],
  [{ AUTH_MODE: 'none' }, "AUTH_MODE is 'none'; allowed: off, required"],
  [
    { AUTH_MODE: 'off', HOST: '0.0.0.0' },
    "AUTH_MODE is 'off'; allowed: required, because HOST 0.0.0.0 is not a loopback address",
  ],
  [
    { DATABASE_URL, AUTH_MODE: 'off', HOST: 'venue.example' },
    "AUTH_MODE is 'off'; allowed: required, because HOST venue.example is not a loopback address",
  ],
  [{ AUTH_MODE: 'required' }, `AUTH_MODE is 'required', ${NO_KEYS} ${LOCALLY}`],
  [{ DATABASE_URL }, `AUTH_MODE is 'required' by default here, ${NO_KEYS} ${LOCALLY}`],
  [
    { HOST: '0.0.0.0' },
    `AUTH_MODE is 'required' by default here, ${NO_KEYS} and HOST=127.0.0.1 ${LOCALLY}`,
  ],
]
const URLS = 'https://host/path, or http:// on a loopback host'
for (const [url, shown = url] of [
  ['http://bank.example/'],
  ['http://169.254.169.254/'],
  ['file:///etc/passwd'],
  ['bank.example'],
  ['https://me:hidden@bank.example/', 'https://***@bank.example/'],
] as const) {
  refused.push([outside(url), `OUTSIDE_WEBHOOK_URL is '${shown}'; allowed: ${URLS}`])
}
const both = 'allowed: a value, as the other of OUTSIDE_WEBHOOK_URL and _SECRET has one'
refused.push(
  [outside('https://bank.example/', ''), `OUTSIDE_WEBHOOK_SECRET is ''; ${both}`],
  [outside(''), `OUTSIDE_WEBHOOK_URL is ''; ${both}`],
  [
    outside('https://bank.example/', 'my secret'),
    "OUTSIDE_WEBHOOK_SECRET is '***'; allowed: whsec_ and 24 to 64 bytes in base64",
  ],
)
for (const [env, message] of refused) {
  t.test(`refuses ${JSON.stringify(env)} with one line`, async t => {
    t.throws(() => parseConfig(env), new ConfigError(message))
  })
}

for (const url of [
  'mysql://owner:secret@db/venue',
  'postgres://owner:sec:r@et@db',
  'owner:secret@db',
  'postgres://db/?user=owner&password=secret',
  'postgres://owner:secret@db:port/venue',
]) {
  t.test(`refuses DATABASE_URL ${url} and does not print the password`, async t => {
    t.throws(() => parseDatabaseConfig({ DATABASE_URL: url }), {
      name: 'ConfigError',
      message:
        /^DATABASE_URL is '[^\n]*'; allowed: postgres:\/\/user:password@host:port\/database$/,
    })
    t.throws(() => parseDatabaseConfig({ DATABASE_URL: url }), { message: /^(?!.*(secret|r@et))/ })
  })
}

t.test('.env is read where the process is started; what is set already wins', async t => {
  const home = process.cwd()
  const folder = makeDataDir()
  t.teardown(() => {
    process.chdir(home)
    delete process.env.PGSETTLE_TEST_A
    delete process.env.PGSETTLE_TEST_B
    rmSync(folder, { recursive: true })
  })
  process.chdir(folder)
  writeFileSync('.env', 'PGSETTLE_TEST_A=file\nPGSETTLE_TEST_B=file\n')
  process.env.PGSETTLE_TEST_B = 'set'

  t.match(loadEnvironment(), { PGSETTLE_TEST_A: 'file', PGSETTLE_TEST_B: 'set' })

  rmSync('.env')
  t.doesNotThrow(loadEnvironment, 'and none is no error')
})

t.test('where the database is can be read without a word on who may call', async t => {
  t.same(parseDatabaseConfig({ DATABASE_URL }), { databaseUrl: DATABASE_URL, dataDir: '.data' })
})

t.test('.env.example names every variable that is read, with its default', async t => {
  const read = new Set<string>()
  const spy = new Proxy<Record<string, string>>(
    {},
    {
      get: (_, name) => {
        read.add(String(name))
        return undefined
      },
    },
  )
  parseConfig(spy)
  const text = readFileSync('.env.example', 'utf8')

  const example = parseEnv(text.replace(/^#(?=[A-Z_]+=)/gm, ''))

  t.same(Object.keys(example).sort(), [...read].sort())
  t.same(parseEnv(text), {}, 'a copy of it as it stands changes nothing')
  const { DATABASE_URL: _, ...others } = example
  t.same(parseConfig(others), DEFAULTS)
})
