import { Ajv, type ErrorObject } from 'ajv'
import { isMap, isNode, LineCounter, parseDocument } from 'yaml'
import type { SourceFile } from './source-files.ts'
import type { Violation } from './violation.ts'

export type YamlSchema = Readonly<Record<string, unknown>>

/** Reads a YAML file and holds it against a JSON schema; each error names its line. */
export function checkYaml(
  { path, text }: SourceFile,
  schema: YamlSchema,
): { value: unknown; violations: Violation[] } {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter })
  const broken = [...document.errors, ...document.warnings].map(error => ({
    path,
    line: lineCounter.linePos(error.pos[0]).line,
    rule: 'yaml-syntax',
    message: error.message.split('\n')[0] ?? '',
  }))
  if (broken.length > 0) return { value: undefined, violations: broken }

  const value: unknown = document.toJS()
  const ajv = new Ajv({ allErrors: true, allowUnionTypes: true, strictTuples: false })
  const isValid = ajv.validate(schema, value)
  const errors = isValid ? [] : (ajv.errors ?? [])
  const violations = errors.map(error => {
    const keys = error.instancePath.split('/').slice(1).map(unescaped)
    const offset = offsetOf(document, keys, unknownKey(error))
    const line = lineCounter.linePos(offset).line
    return { path, line, rule: 'yaml-schema', message: describe(error) }
  })
  return { value, violations }
}

function describe(error: ErrorObject): string {
  const place = error.instancePath === '' ? 'the file' : error.instancePath
  const key = unknownKey(error)
  return `${place} ${error.message ?? 'is wrong'}${key === undefined ? '' : `: "${key}"`}`
}

function unknownKey({ params }: ErrorObject): string | undefined {
  const key: unknown = params.additionalProperty
  return typeof key === 'string' ? key : undefined
}

function offsetOf(
  document: ReturnType<typeof parseDocument>,
  keys: readonly string[],
  unknown: string | undefined,
): number {
  const node = document.getIn(keys, true)
  if (isMap(node) && unknown !== undefined) {
    const pair = node.items.find(({ key }) => String(key) === unknown)
    if (isNode(pair?.key)) return pair.key.range?.[0] ?? 0
  }
  return isNode(node) ? (node.range?.[0] ?? 0) : 0
}

function unescaped(key: string): string {
  return key.replaceAll('~1', '/').replaceAll('~0', '~')
}
