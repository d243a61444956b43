import { order } from '../test-server.ts'

/** An order of client-A that has no price. */
export const bare = (facts: object) => order({ price: undefined, ...facts })

/** Orders as a client writes them, and what the matcher is asked. */
export const wellFormed: [body: object, command: object][] = [
  [
    bare({ type: 'market', quantity: undefined, quote_quantity: 100.5, stp: 'none' }),
    {
      type: 'MARKET',
      time_in_force: 'IOC',
      quantity: null,
      quote_quantity: '100.5',
      stp: 'NONE',
    },
  ],
  [
    order({ time_in_force: 'gtd', expire_at: '2030-01-31T12:00:00.5+01:00' }),
    { type: 'LIMIT', time_in_force: 'GTD', expire_at: '2030-01-31T12:00:00.5+01:00' },
  ],
  [
    order({ post_only: true, slide: true, display_quantity: '0.10', stp: 'decrement' }),
    { post_only: true, slide: true, display_quantity: '0.1', stp: 'DECREMENT' },
  ],
  [
    bare({
      type: 'stop',
      stop_price: '49000',
      trigger_immediately: true,
      trigger_source: 'mark',
    }),
    { type: 'STOP', stop_price: '49000', trigger_immediately: true, trigger_source: 'MARK' },
  ],
  [
    order({ type: 'take_profit_limit', stop_price: 51000 }),
    { type: 'TAKE_PROFIT_LIMIT', time_in_force: 'GTC', price: '50000', stop_price: '51000' },
  ],
  [
    bare({ type: 'trailing_stop', trailing_bips: 250, activation_price: '52000' }),
    { type: 'TRAILING_STOP', trailing_bips: 250, activation_price: '52000', price: null },
  ],
  [
    bare({ type: 'TRAILING_STOP', trailing_offset: '100', limit_offset: '0' }),
    { trailing_offset: '100', limit_offset: '0', time_in_force: 'GTC' },
  ],
  [
    order({ client_order_id: 'mine', idempotency_key: 'once', deadline: '2030-01-01T00:00:00Z' }),
    { client_order_id: 'mine', idempotency_key: 'once', deadline: '2030-01-01T00:00:00Z' },
  ],
]

const stop = { type: 'STOP', stop_price: '1' }
const trailing = { type: 'TRAILING_STOP', trailing_bips: 100 }
/** Orders that lack a field, or have one that their type does not: the code, and which one. */
export const misshapen: [body: object, code: string, field: string][] = [
  [order({ price: undefined }), 'MISSING_FIELD', 'price'],
  [order({ quantity: undefined }), 'MISSING_FIELD', 'quantity'],
  [order({ quote_quantity: '1' }), 'INVALID_FIELD', 'quote_quantity'],
  [order({ stop_price: '1' }), 'INVALID_FIELD', 'stop_price'],
  [order({ trigger_immediately: true }), 'INVALID_FIELD', 'trigger_immediately'],
  [order({ trigger_source: 'LAST' }), 'INVALID_FIELD', 'trigger_source'],
  [order({ limit_offset: '1' }), 'INVALID_FIELD', 'limit_offset'],
  [order({ activation_price: '1' }), 'INVALID_FIELD', 'activation_price'],
  [order({ trailing_offset: '1' }), 'INVALID_FIELD', 'trailing_offset'],
  [order({ trailing_bips: 1 }), 'INVALID_FIELD', 'trailing_bips'],
  [order({ slide: true }), 'INVALID_FIELD', 'slide'],
  [order({ time_in_force: 'GTD' }), 'MISSING_FIELD', 'expire_at'],
  [order({ expire_at: '2030-01-01T00:00:00Z' }), 'INVALID_FIELD', 'expire_at'],
  [order({ type: 'MARKET' }), 'INVALID_FIELD', 'price'],
  [bare({ type: 'MARKET', quantity: undefined }), 'MISSING_FIELD', 'quantity'],
  [bare({ type: 'MARKET', quote_quantity: '1' }), 'INVALID_FIELD', 'quote_quantity'],
  [bare({ type: 'STOP' }), 'MISSING_FIELD', 'stop_price'],
  [order(stop), 'INVALID_FIELD', 'price'],
  [bare({ ...stop, quantity: undefined, quote_quantity: '1' }), 'MISSING_FIELD', 'quantity'],
  [bare({ type: 'STOP_LIMIT', stop_price: '1' }), 'MISSING_FIELD', 'price'],
  [order({ type: 'TAKE_PROFIT_LIMIT' }), 'MISSING_FIELD', 'stop_price'],
  [bare({ type: 'TRAILING_STOP' }), 'MISSING_FIELD', 'trailing_offset'],
  [bare({ ...trailing, trailing_offset: '1' }), 'INVALID_FIELD', 'trailing_bips'],
  [bare({ ...trailing, stop_price: '1' }), 'INVALID_FIELD', 'stop_price'],
]
