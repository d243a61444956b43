import { Problem } from '../errors.ts'

/**
 * Where a stream stands: for each topic and symbol the number of the last message told. Every
 * message carries it as its id, so that any process can go on behind it, without loss and without
 * repetition.
 *
 * Keys: t trades, b book, o orders, k ticker, each with the symbol's id; j the journals.
 */
export type Position = Map<string, number>

export type Topic = 'trades' | 'book' | 'orders' | 'ticker'

const letters: Readonly<Record<Topic, string>> = {
  trades: 't',
  book: 'b',
  orders: 'o',
  ticker: 'k',
}
export const journalKey = 'j'

const keyShape = /^(?:[tbok](?:0|[1-9]\d{0,9})|j)$/
const numberShape = /^[0-9a-z]{1,11}$/
/** Four topics of some 500 symbols; request headers end not far behind it. */
const mostParts = 2000

export function keyOf(topic: Topic, symbolId: number): string {
  return letters[topic] + symbolId
}

export function hasTopic(position: Position, topic: Topic): boolean {
  return [...position.keys()].some(key => key.startsWith(letters[topic]))
}

/** The id: opaque to clients, and made of characters that a URL and a header carry as they are. */
export function printPosition(position: Position): string {
  let text = ''
  for (const [key, no] of position) text += `${text && '_'}${key}.${no.toString(36)}`
  return text
}

/** Reads an id back. Throws a Problem when it is none of ours. */
export function parsePosition(text: string): Position {
  const position: Position = new Map()
  const parts = text.split('_')
  if (parts.length > mostParts) throw notOurs()
  for (const part of parts) {
    const [key = '', digits = '', ...rest] = part.split('.')
    const no = Number.parseInt(digits, 36)
    if (rest.length > 0 || !keyShape.test(key) || !numberShape.test(digits)) throw notOurs()
    if (!Number.isSafeInteger(no) || position.has(key)) throw notOurs()
    position.set(key, no)
  }
  return position
}

function notOurs(): Problem {
  const detail = 'last_event_id is not the id of a message of this stream'
  return new Problem(400, 'BAD_EVENT_ID', detail, { field: 'last_event_id' })
}
