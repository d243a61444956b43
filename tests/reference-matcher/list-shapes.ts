import type { Command, PlaceCommand } from './commands.ts'

export function listNo(command: Command): number | undefined {
  return command.op === 'PLACE' ? command.list_no : undefined
}

/**
 * Whether the orders of this number make a list: two of one side, of which one cancels the other,
 * or an entry and one or two exits of the other side; one next to the other, of one participant and
 * one quantity. Of those that exclude each other one rests at most, and none trades at once.
 */
export function isList(commands: readonly Command[], no: number): boolean {
  const first = commands.findIndex(command => listNo(command) === no)
  const legs = commands.filter(command => listNo(command) === no).filter(isPlace)
  const roles = legs.map(leg => leg.list_role).join(' ')
  const exits = legs.filter(leg => leg.list_role !== 'ENTRY')
  return (
    commands.slice(first, first + legs.length).every(command => listNo(command) === no) &&
    roles in sides &&
    countOf(legs, leg => leg.side) === sides[roles] &&
    countOf(exits, leg => leg.side) === 1 &&
    countOf(legs, leg => leg.client_id) === 1 &&
    legs.every(leg => leg.quantity !== undefined && leg.quantity === legs[0]?.quantity) &&
    exits.filter(leg => leg.type === 'LIMIT').length < 2 &&
    exits.every(leg => leg.type !== 'MARKET' && !(leg.type === 'LIMIT' && takesAtOnce(leg)))
  )
}

/** The roles of the lists that there are, and how many sides they have. */
const sides: Readonly<Record<string, number>> = {
  'OCO OCO': 1,
  'ENTRY EXIT': 2,
  'ENTRY EXIT EXIT': 2,
}

function isPlace(command: Command): command is PlaceCommand {
  return command.op === 'PLACE'
}

function takesAtOnce({ time_in_force }: PlaceCommand): boolean {
  return time_in_force === 'IOC' || time_in_force === 'FOK'
}

function countOf(legs: readonly PlaceCommand[], of: (leg: PlaceCommand) => string): number {
  return new Set(legs.map(of)).size
}
