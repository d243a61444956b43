import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Recorded data that the project does not ship: beside the checkout, or where RECORDED_DATA says.
 * The files of a folder there with this ending, in order; none where there is no such folder.
 */
export function findRecorded(folder: string, ending: string): string[] {
  const root = process.env.RECORDED_DATA || join(import.meta.dirname, '../../../shared/data')
  const path = join(root, folder)
  if (!existsSync(path)) return []
  return readdirSync(path)
    .filter(name => name.endsWith(ending))
    .sort()
    .map(name => join(path, name))
}

export const noData =
  'no recorded data here: RECORDED_DATA=… or ../shared/data beside the checkout has it'
