import pgListen, { type Subscriber } from 'pg-listen'
import type { Logger } from 'pino'

/**
 * Hearing and ringing that something happened. A ring says nothing but "look": what happened is
 * read from the tables, so a ring that gets lost costs one poll interval and never an event.
 */
export const channels = {
  /** Rung after a commit that wrote events. */
  events: 'pgsettle_events',
  /** Rung after a commit that wrote trades, and by the workers after one that settled them. */
  settlements: 'pgsettle_settlements',
  /** Rung after a commit that accepted orders which are to be matched later. */
  orders: 'pgsettle_orders',
} as const

/** What a commit left to do: for the settlement workers, for the matcher's. */
export interface Work {
  settlements?: boolean
  orders?: boolean
}

export interface Doorbell {
  /** Tells every process that there are new events, soon, and wakes the workers that have work. */
  ring(work?: Work): void
  /** Whether rings from others are heard at the moment. */
  isListening(): boolean
  close(): Promise<void>
}

export interface DoorbellOptions {
  /** A direct connection: through a transaction pooler nothing is heard. */
  connectionString: string
  /** Sends the notifications, in a transaction of its own. */
  notify(channels: readonly string[]): Promise<void>
  /** Called at every ring, and whenever the connection stands again: rings were lost meanwhile. */
  onRing(): void
  log: Logger
}

/** What concerns this process; the matcher's thread hears for itself. */
const heard = [channels.events, channels.settlements]

/** At most one notification in this time: a burst of commits is one ring. */
const quietMs = 5
/** How soon a dead connection is noticed that was not closed. */
const checkMs = 10_000
const answerMs = 5_000
const longestRetryMs = 5_000

export function createDoorbell(options: DoorbellOptions): Doorbell {
  const listener = listen(options)
  const ringer = createRinger(options)
  return {
    ring: ringer.ring,
    isListening: listener.isListening,
    async close() {
      ringer.close()
      await listener.close()
    },
  }
}

function listen({ connectionString, onRing, log }: DoorbellOptions) {
  let isListening = false
  let isClosed = false
  const subscriber: Subscriber = pgListen.default(
    {
      connectionString,
      application_name: 'pgsettle listener',
      connectionTimeoutMillis: answerMs,
      query_timeout: answerMs,
    },
    {
      // Its default gives up after 3 s and stays deaf for good.
      retryTimeout: Number.POSITIVE_INFINITY,
      retryInterval: attempt => {
        // Nothing else ends the retries of a listener that is closed during an outage.
        if (isClosed) throw new Error('the listener is closed')
        return Math.min(100 * 2 ** attempt, longestRetryMs)
      },
      paranoidChecking: checkMs,
    },
  )
  subscriber.events.on('connected', () => {
    Promise.all(heard.map(channel => subscriber.listenTo(channel))).then(
      () => {
        isListening = true
        log.debug({}, 'listening')
        onRing()
      },
      error => log.warn({ err: error }, 'cannot listen'),
    )
  })
  subscriber.events.on('notification', () => onRing())
  subscriber.events.on('reconnect', attempt => {
    isListening = false
    if (attempt === 1) log.warn({ attempt }, 'listener lost its connection')
  })
  subscriber.events.on('error', error => {
    isListening = false
    if (!isClosed) log.error({ err: error }, 'listener failed')
  })
  subscriber.connect().catch(error => {
    if (!isClosed) log.warn({ err: error }, 'listener cannot connect yet')
  })
  return {
    isListening: () => isListening,
    async close() {
      isClosed = true
      isListening = false
      await subscriber
        .close()
        .catch(error => log.debug({ err: error }, 'listener was gone already'))
    },
  }
}

/** Rings at once after a quiet time, then at most once in `quietMs`, and never two at a time. */
export function createRinger({ notify, log }: Pick<DoorbellOptions, 'notify' | 'log'>) {
  const wanted = new Set<string>()
  let isBusy = false
  let timer: NodeJS.Timeout | undefined

  function ringNow(): void {
    isBusy = wanted.size > 0
    if (!isBusy) return
    const names = [...wanted]
    wanted.clear()
    notify(names)
      .catch(error => log.debug({ err: error }, 'ring lost'))
      .finally(() => {
        timer = setTimeout(ringNow, quietMs)
      })
  }

  return {
    ring({ settlements = false, orders = false }: Work = {}): void {
      wanted.add(channels.events)
      if (settlements) wanted.add(channels.settlements)
      if (orders) wanted.add(channels.orders)
      if (!isBusy) ringNow()
    },
    /** Rings no more, except for what is on its way. */
    close(): void {
      isBusy = true
      clearTimeout(timer)
    },
  }
}
