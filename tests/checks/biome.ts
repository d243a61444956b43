import { spawnSync } from 'node:child_process'
import { isAbsolute, join, relative } from 'node:path'
import type { Violation } from './violation.ts'

/** Format and lint by biome.json; biome's own line per finding is made one of ours. */
export function checkBiome(root: string): Violation[] {
  const program = join(root, 'node_modules/@biomejs/biome/bin/biome')
  const options = ['check', '--reporter=github', '--error-on-warnings', '--max-diagnostics=none']
  const run = spawnSync(process.execPath, [program, ...options, '.'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  const found = run.stdout.split('\n').flatMap(line => readFinding(line, root))
  if (run.status === 0 || found.length > 0) return found
  const message = `biome stopped with ${run.status ?? run.signal}: ${run.stderr.trim()}`
  return [{ path: 'biome.json', line: 1, rule: 'biome', message }]
}

/** `::error title=lint/…,file=…,line=…,…::message`, as GitHub's runners read it. */
export function readFinding(output: string, root: string): Violation[] {
  const match = /^::(?:error|warning) title=([^,]*),file=([^,]*),line=(\d+),[^:]*::(.*)$/.exec(
    output,
  )
  if (!match) return []
  const [, rule = '', file = '', line = '1', said = ''] = match
  const path = isAbsolute(file) ? relative(root, file) : file
  const message = rule === 'format' ? 'not formatted: npm run format' : said
  return [{ path, line: Number(line), rule, message }]
}
