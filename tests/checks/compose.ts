import { list, record, word } from './plain-json.ts'
import type { SourceFile } from './source-files.ts'
import type { Violation } from './violation.ts'
import { checkYaml, type YamlSchema } from './yaml-schema.ts'

const duration = { type: 'string', pattern: '^\\d+(ms|s|m|h)$' }
const port = { type: 'string', pattern: '^127\\.0\\.0\\.1:(\\d+|\\$\\{[A-Z_]+:-\\d+\\}):\\d+$' }
const variables = {
  type: 'object',
  propertyNames: { pattern: '^[A-Z][A-Z0-9_]*$' },
  additionalProperties: { type: ['string', 'number'] },
}

const healthcheck = {
  type: 'object',
  required: ['test'],
  additionalProperties: false,
  properties: {
    test: {
      type: 'array',
      minItems: 2,
      items: [{ enum: ['CMD', 'CMD-SHELL'] }],
      additionalItems: { type: 'string' },
    },
    interval: duration,
    timeout: duration,
    start_period: duration,
    retries: { type: 'integer', minimum: 1 },
  },
}

const service = {
  type: 'object',
  required: ['image'],
  additionalProperties: false,
  properties: {
    image: { type: 'string', pattern: '^[a-z0-9./-]+:[A-Za-z0-9._-]+$' },
    command: { type: 'array', items: { type: 'string' } },
    environment: variables,
    ports: { type: 'array', items: port },
    volumes: { type: 'array', items: { type: 'string', pattern: '^[a-z0-9-]+:/' } },
    shm_size: { type: 'string', pattern: '^\\d+(kb|mb|gb)$' },
    stop_grace_period: duration,
    restart: { enum: ['no', 'always', 'on-failure', 'unless-stopped'] },
    healthcheck,
    depends_on: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        required: ['condition'],
        additionalProperties: false,
        properties: {
          condition: {
            enum: ['service_started', 'service_healthy', 'service_completed_successfully'],
          },
        },
      },
    },
  },
}

/** The part of the Compose format that compose.yaml uses; a port is opened on loopback only. */
const schema: YamlSchema = {
  type: 'object',
  required: ['services'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]*$' },
    services: {
      type: 'object',
      required: ['db', 'pgbouncer'],
      additionalProperties: service,
    },
    volumes: {
      type: 'object',
      additionalProperties: { type: ['object', 'null'], additionalProperties: false },
    },
  },
}

/** Is compose.yaml one that docker compose reads, and is everything that it refers to there? */
export function checkCompose(file: SourceFile): Violation[] {
  const { value, violations } = checkYaml(file, schema)
  const { services, volumes } = record(value)
  const missing = Object.values(record(services)).flatMap(entry => [
    ...Object.keys(record(record(entry).depends_on)).filter(name => !(name in record(services))),
    ...list(record(entry).volumes)
      .map(volume => word(volume).split(':')[0] ?? '')
      .filter(name => !(name in record(volumes))),
  ])
  return [
    ...violations,
    ...missing.map(name => ({
      path: file.path,
      line: file.text.split('\n').findIndex(line => line.includes(name)) + 1,
      rule: 'compose-reference',
      message: `"${name}" is neither a service nor a volume of this file`,
    })),
  ]
}
