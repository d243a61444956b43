/** A command in a ```console block of a document, and the lines that stand below it. */
export interface Recorded {
  /** The number of the command's first line in the document, from 1. */
  line: number
  command: string
  output: string[]
}

interface Block {
  /** Lines of the document that are the block's text, from (inclusive) to (exclusive), from 0. */
  from: number
  to: number
}

/** Every command of every ```console block, in order. A `\` at the end goes on in the next line. */
export function findCommands(text: string): Recorded[] {
  const lines = text.split('\n')
  return findBlocks(lines).flatMap(({ from, to }) => {
    const found: Recorded[] = []
    for (let at = from; at < to; ) {
      const end = endOfCommand(lines, at, to)
      const command = lines.slice(at, end).join('\n').replace(/^\$ /, '')
      let next = end
      while (next < to && !lines[next]?.startsWith('$ ')) next += 1
      found.push({ line: at + 1, command, output: lines.slice(end, next) })
      at = next
    }
    return found
  })
}

/** The document with these outputs, one for each command, in the place of what stands there. */
export function withOutputs(text: string, outputs: readonly string[][]): string {
  const lines = text.split('\n')
  const commands = findCommands(text)
  for (const [index, { line, command, output }] of [...commands.entries()].reverse()) {
    const end = line - 1 + command.split('\n').length
    lines.splice(end, output.length, ...(outputs[index] ?? []))
  }
  return lines.join('\n')
}

/** Where the document says something else than these outputs: one line each, to be read. */
export function findDifferences(text: string, outputs: readonly string[][]): string[] {
  return findCommands(text).flatMap(({ line, command, output }, index) => {
    const expected = outputs[index] ?? []
    const first = line + command.split('\n').length
    const length = Math.max(output.length, expected.length)
    return Array.from({ length }, (_, at) => at)
      .filter(at => output[at] !== expected[at])
      .map(at => {
        const says = output[at] ?? '(nothing)'
        return `line ${first + at} says ${says}\n  it is ${expected[at] ?? '(nothing)'}`
      })
  })
}

function findBlocks(lines: readonly string[]): Block[] {
  const blocks: Block[] = []
  for (let at = 0; at < lines.length; at++) {
    if (lines[at] !== '```console') continue
    const to = lines.indexOf('```', at)
    if (to < 0) throw new Error(`the block of line ${at + 1} has no end`)
    if (!lines[at + 1]?.startsWith('$ ')) throw new Error(`line ${at + 2} is no command: $ …`)
    blocks.push({ from: at + 1, to })
    at = to
  }
  return blocks
}

function endOfCommand(lines: readonly string[], at: number, to: number): number {
  let end = at + 1
  while (end < to && lines[end - 1]?.endsWith('\\')) end += 1
  return end
}
