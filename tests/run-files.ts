import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { resultLine } from './helpers/report.ts'

let counted = { ...t.counts }

/**
 * Runs the test files that it is told on standard input, a name a line, one after the other, and
 * prints a result line after each. `npm test` starts some of these, and what the files load is so
 * loaded and compiled once, not for each of them.
 */
for await (const file of createInterface({ input: process.stdin })) {
  // A test that waits for nothing that can happen ends the process, as it would by itself.
  process.stdin.unref()
  await runFile(file)
  process.stdin.ref()
}

async function runFile(file: string): Promise<void> {
  const teardowns: (() => unknown)[] = []
  // By itself the one of all files would wait for the last of them.
  t.teardown = handler => void teardowns.unshift(handler)
  t.testdirName = resolve('.tap/fixtures', file.replace(/[^\w.-]+/g, '-'))
  t.setTimeout(Number(process.env.TEST_FILE_TIMEOUT_MS))
  try {
    await import(pathToFileURL(resolve(file)).href)
  } catch (error) {
    t.error(error, `${file} can be loaded`)
  }
  while (!t.idle) await once(t, 'idle')
  for (const teardown of teardowns) await teardown()
  t.setTimeout(0)
  // Tap's parser keeps the last assertion, and comments, back until something follows.
  t.parser.emitResult()
  const now = { ...t.counts }
  console.log(
    resultLine(file, {
      passed: now.pass - counted.pass,
      failed: now.fail - counted.fail,
      total: now.total - counted.total,
    }),
  )
  counted = now
}
