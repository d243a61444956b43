import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findCommands, findDifferences, withOutputs } from './console-blocks.ts'
import { runSession } from './session.ts'

/** `npm run readme`: runs the commands of the README's console blocks, writes what they print. */
const path = join(import.meta.dirname, '../../README.md')
const text = readFileSync(path, 'utf8')
const commands = findCommands(text)
const outputs = await runSession(commands.map(each => each.command))
const differences = findDifferences(text, outputs)
for (const difference of differences) console.log(difference)
writeFileSync(path, withOutputs(text, outputs))
console.log(`README.md: ${commands.length} commands run, ${differences.length} lines changed`)
