import { join } from 'node:path'
import { checkAmountArithmetic } from './checks/amount-arithmetic.ts'
import { checkAssertions } from './checks/assertions.ts'
import { checkBiome } from './checks/biome.ts'
import { checkBudgets } from './checks/budgets.ts'
import { checkFloatingPromises, checkTypes, createProgram } from './checks/compiler.ts'
import { checkCompose } from './checks/compose.ts'
import { checkImports } from './checks/imports.ts'
import { checkLeftovers } from './checks/leftovers.ts'
import { checkMigrationChain } from './checks/migration-chain.ts'
import { checkNames } from './checks/names.ts'
import { type Checks, runChecks } from './checks/report.ts'
import { readSourceFiles, type SourceFile } from './checks/source-files.ts'
import { checkSqlFunctions } from './checks/sql-functions.ts'
import { checkSqlLayers } from './checks/sql-layers.ts'
import { checkSqlObjects } from './checks/sql-objects.ts'
import { checkQualifiedNames } from './checks/sql-qualified.ts'
import { checkSqlTables } from './checks/sql-tables.ts'
import { checkSqlWords } from './checks/sql-words.ts'
import { checkTaskfile } from './checks/taskfile.ts'

/** What CI runs before the tests, without a database: a line a check, and each broken rule. */
const root = join(import.meta.dirname, '..')
const allowCurrent = process.env.CHECK_ALLOW_CURRENT === '1'
const files = readSourceFiles(root)
const program = createProgram(root)

const checks: Checks = {
  'biome: format and lint': () => checkBiome(root),
  'types: tsc and floating promises': () => [
    ...checkTypes(program, root),
    ...checkFloatingPromises(program, root),
  ],
  'style: budgets of length and width': () => files.flatMap(checkBudgets),
  'style: names of files and folders': () => files.flatMap(checkNames),
  'style: no any, no !, no as': () => files.flatMap(checkAssertions),
  'style: imports point the right way': () => files.flatMap(checkImports),
  'style: amounts are never numbers': () => files.flatMap(checkAmountArithmetic),
  'style: nothing left over': () => files.flatMap(checkLeftovers),
  'sql: one documented object a file': () => files.flatMap(checkSqlObjects),
  'sql: functions': () => files.flatMap(checkSqlFunctions),
  'sql: words of the style sheet': () => files.flatMap(checkSqlWords),
  'sql: names are qualified': () => files.flatMap(checkQualifiedNames),
  'sql: layers call downwards only': () => files.flatMap(checkSqlLayers),
  'migrations: tables and types': () => files.flatMap(checkSqlTables),
  'migrations: up to date with sql/': () => checkMigrationChain(files, allowCurrent),
  'Taskfile.yml': () => checkTaskfile(fileAt('Taskfile.yml'), fileAt('package.json')),
  'compose.yaml': () => checkCompose(fileAt('compose.yaml')),
}

process.exitCode = runChecks(checks, line => console.log(line)) ? 0 : 1

function fileAt(path: string): SourceFile {
  return files.find(file => file.path === path) ?? { path, text: '' }
}
