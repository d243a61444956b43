import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context } from 'hono'
import type { Logger } from 'pino'
import type { Batches } from '../batches.ts'
import type { Calls } from '../calls.ts'
import type { Command } from '../commands.ts'
import type { Doorbell } from '../events/doorbell.ts'
import type { Sessions } from '../events/sessions.ts'
import type { Streams } from '../events/streams.ts'
import type { CommandRow, TestRow } from '../rows.ts'

/** What the server hands to every handler beside the request. */
export type Env = {
  Bindings: { incoming: IncomingMessage; outgoing: ServerResponse; requestId: string }
}

export type RequestContext = Context<Env>

/** What the routes work with: passed to each room, held by none. */
export interface Deps {
  readonly calls: Calls
  readonly batches: Batches<Command, CommandRow>
  /** Orders that are only tried. */
  readonly dryRuns: Batches<Command, TestRow>
  readonly doorbell: Doorbell
  readonly streams: Streams
  readonly sessions: Sessions
  readonly log: Logger
  readonly clock: () => Date
  /** What results of outside legs are signed with; null: none are taken. */
  readonly webhookSecret: Buffer | null
  readonly version: string
  /** The newest migration this code knows, when the caller says it. */
  readonly schemaVersion: string | undefined
}
