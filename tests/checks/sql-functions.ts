import { count, isRecord, list, record, word } from './plain-json.ts'
import type { SourceFile } from './source-files.ts'
import { functionsIn, optionsOf, type SqlFunction } from './sql-function.ts'
import { sqlPath } from './sql-text.ts'
import { nodesOf, parseBody, parseStatements, type SqlNode, SqlSyntaxError } from './sql-tree.ts'
import type { Violation } from './violation.ts'

/** Functions with their owner's rights belong to the entrances, and to these, each for a reason. */
const definers: ReadonlySet<string> = new Set([
  // The workers' own entrances: their role may call them and touches no table.
  'clearing.run_windows',
  'matching.due_symbols',
  'matching.fire_timers',
  'matching.has_waiting_exits',
  'matching.sweep_symbol',
  'settlement.claim_outside_legs',
  'settlement.report_outside_leg',
  'settlement.settle_batch',
  'settlement.settle_waiting',
])
const errorClasses = /^'?(IV|NF|ST|RJ|LK|NV)/
/** The level of `raise exception` in PL/pgSQL's tree, and the kind of its option `errcode`. */
const exceptionLevel = 21
const errcodeOption = 0

type Say = (line: number, rule: string, message: string) => void

/** What every function states, in sql/ and in the migrations that carry it live. */
export function checkSqlFunctions({ path, text }: SourceFile): Violation[] {
  const found: Violation[] = []
  const say: Say = (line, rule, message) => found.push({ path, line, rule, message })
  for (const code of functionsIn(text)) {
    checkBody(code, say)
    if (!sqlPath(path)) continue
    checkVolatility(code, say)
    checkDefiner(code, text, say)
    checkArguments(code, say)
  }
  return found
}

function checkVolatility({ node, name, line }: SqlFunction, say: Say): void {
  if (node.is_procedure === true || optionsOf(node, 'volatility').length > 0) return
  say(line, 'sql-volatility', `${name} states neither immutable, stable nor volatile`)
}

function checkDefiner({ node, name, line }: SqlFunction, text: string, say: Say): void {
  const [security] = optionsOf(node, 'security')
  if (record(security?.Boolean).boolval !== true) return
  const settings = optionsOf(node, 'set').map(({ VariableSetStmt }) => record(VariableSetStmt).name)
  if (!settings.includes('search_path')) {
    say(line, 'sql-definer', `${name} is security definer without "set search_path"`)
  }
  if (!/^(api|ops)\./.test(name) && !definers.has(name)) {
    say(line, 'sql-definer', `${name}: security definer is for api and ops`)
  }
  if (!/\brevoke\b[^;]*\bfrom public\b/.test(text)) {
    say(line, 'sql-definer', `${name}: nobody revokes it from public`)
  }
}

function checkArguments({ node, line }: SqlFunction, say: Say): void {
  for (const entry of list(node.parameters)) {
    const { mode, name } = record(record(entry).FunctionParameter)
    const isResult = mode === 'FUNC_PARAM_TABLE' || mode === 'FUNC_PARAM_OUT'
    if (isResult || word(name).startsWith('p_')) continue
    say(line, 'sql-argument', `the argument "${word(name)}" is not called p_…`)
  }
}

/** Parses the body in its own language; of PL/pgSQL it also reads the exceptions. */
function checkBody(code: SqlFunction, say: Say): void {
  try {
    if (code.language === 'sql') parseStatements(code.body)
    if (code.language === 'plpgsql') checkRaises(parseBody(code), code, say)
  } catch (error) {
    if (!(error instanceof SqlSyntaxError)) throw error
    if (isBlindSpot(error.message)) return
    say(code.line, 'sql-body-syntax', error.message)
  }
}

/**
 * The parser knows no types, and takes an array of a composite type for one of records, which
 * PL/pgSQL forbids. What PostgreSQL itself says at the migration stands.
 */
function isBlindSpot(message: string): boolean {
  return /type record\[\]|record variable cannot be part of multiple-item INTO/.test(message)
}

function checkRaises(tree: unknown, { bodyLine }: SqlFunction, say: Say): void {
  for (const raise of nodesOf(tree, 'PLpgSQL_stmt_raise')) {
    if (raise.elog_level !== exceptionLevel || !('message' in raise)) continue
    const code = errcodeOf(raise)
    const line = bodyLine + count(raise.lineno) - 1
    if (code === undefined) say(line, 'sql-errcode', 'an exception says its errcode')
    else if (code.startsWith("'") && !errorClasses.test(code)) {
      say(line, 'sql-errcode', `${code} is in none of the classes IV NF ST RJ LK NV`)
    }
  }
}

function errcodeOf(raise: SqlNode): string | undefined {
  const option = list(raise.options)
    .map(entry => record(record(entry).PLpgSQL_raise_option))
    .find(({ opt_type }) => opt_type === errcodeOption)
  if (!isRecord(option)) return undefined
  return word(record(record(option.expr).PLpgSQL_expr).query)
}
