/** A function file as a migration carries it; `text` is missing while it is only asked for. */
export type Copy = { include: string; position: number; text: string | undefined }

/** Included copies of committed migrations, and the includes that current.sql asks for. */
export function copiesIn(text: string): Copy[] {
  const pattern =
    /^--! Included (\S+)\n([\s\S]*?)\n--! EndIncluded \1$|^--![ \t]*include[ \t]+(\S+)/gm
  return [...text.matchAll(pattern)].map(match => ({
    include: match[1] ?? match[3] ?? '',
    position: match.index,
    text: match[2]?.trim(),
  }))
}

/** Where a `drop function|procedure|view` of this object begins for the last time, or -1. */
export function lastDrop(text: string, name: string): number {
  const [schema = '', object = ''] = name.split('.')
  const pattern = new RegExp(
    `^\\s*drop (function|procedure|view)( if exists)? [^;]*\\b${schema}\\.${object}\\b`,
    'gm',
  )
  return [...text.matchAll(pattern)].at(-1)?.index ?? -1
}
