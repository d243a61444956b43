import { z } from 'zod'
import { orderTypes, sides, stpModes, timesInForce, triggerSources } from '../commands.ts'
import { amount, code, key, symbolCode, time, whole, word } from './fields.ts'
import { describeShapes } from './order-shapes.ts'

/** The schema of each body that is about orders. */

const deadline = time
  .nullish()
  .describe('past it the request is refused as EXPIRED_REQUEST; or the X-Deadline header')

const orderFields = {
  client_id: code,
  symbol: symbolCode.nullish(),
  instrument: symbolCode.nullish().describe('another word for symbol'),
  side: word(...sides),
  type: word(...orderTypes),
  price: amount().nullish().describe('the limit, of the types that have one'),
  quantity: amount().nullish().describe('in the base asset'),
  quote_quantity: amount()
    .nullish()
    .describe('in place of quantity, of a MARKET order: what a buyer spends, a seller receives'),
  time_in_force: word(...timesInForce)
    .nullish()
    .describe('when missing GTC for an order with a limit, else IOC'),
  stop_price: amount().nullish().describe('the price that fires a stop or take-profit order'),
  trigger_immediately: z
    .boolean()
    .nullish()
    .describe('fire at once when stop_price is reached already, in place of WOULD_TRIGGER'),
  trigger_source: word(...triggerSources)
    .nullish()
    .describe('whose price fires it: LAST when missing'),
  trailing_offset: amount().nullish().describe('how far a trailing stop follows, as a price'),
  trailing_bips: whole(1, 1_000_000).nullish().describe('the same in 1/10,000 of the price'),
  activation_price: amount().nullish().describe('a trailing stop follows from this price on'),
  limit_offset: amount('NOT_NEGATIVE')
    .nullish()
    .describe('makes of a trailing stop that fires a limit order, this far from its level'),
  post_only: z.boolean().nullish().describe('refused as WOULD_TAKE where it would trade at once'),
  slide: z.boolean().nullish().describe('with post_only: one tick inside, in place of refused'),
  display_quantity: amount().nullish().describe('how much of an iceberg is shown at a time'),
  expire_at: time.nullish().describe('of a GTD order: from this time on it never trades'),
  stp: word(...stpModes)
    .nullish()
    .describe("when it would trade with its owner's: the symbol's default_stp when missing"),
  client_order_id: key.nullish(),
  idempotency_key: key.nullish().describe('a repeat of the key answers with the first answer'),
  deadline,
}

export const orderBody = z
  .strictObject(orderFields)
  .meta({ id: 'OrderRequest', ...describeShapes() })

const condition = word('NEW')
  .nullish()
  .describe('CONDITION_FAILED, and nothing is cancelled, once a part of the order is filled')

export const replacementBody = z
  .strictObject({
    mode: word('STOP_ON_FAILURE', 'ALLOW_FAILURE')
      .default('STOP_ON_FAILURE')
      .describe('whether both happen or none, or the new order is placed in any case'),
    only_if: condition,
    ...orderFields,
  })
  .meta({ id: 'ReplacementRequest', ...describeShapes() })

const amendFields = {
  price: amount().nullish(),
  quantity: amount().nullish(),
  expire_at: time.nullish().describe('makes the order GTD'),
  time_in_force: word('GTC', 'GTD').nullish().describe('GTC: it expires no more'),
  deadline,
}

export const amendBody = z.strictObject(amendFields).meta({ id: 'AmendRequest' })

const nameFields = {
  symbol: symbolCode.nullish(),
  instrument: symbolCode.nullish(),
  order_id: z.string().nullish(),
  client_id: code.nullish(),
  client_order_id: key.nullish(),
}

export const placeEntry = z
  .strictObject({ op: word('PLACE').optional(), ...orderFields })
  .meta({ id: 'PlaceEntry', ...describeShapes() })

export const cancelEntry = z
  .strictObject({ op: word('CANCEL'), ...nameFields, only_if: condition, deadline })
  .meta({ id: 'CancelEntry' })

export const amendEntry = z
  .strictObject({ op: word('AMEND'), ...nameFields, ...amendFields })
  .meta({ id: 'AmendEntry' })

const batchFields = {
  mode: word('EACH', 'ATOMIC').default('EACH'),
  orders: z
    .array(z.unknown(), 'is not a list of orders')
    .min(1, 'is empty')
    .max(1000, 'has more than 1000 entries'),
}

/** Entries are parsed one by one, so that one that is wrong does not refuse its neighbours. */
export const batchBody = z.strictObject(batchFields)

/** The same body as the document shows it, entries and all. */
export const batchDocument = z
  .strictObject({
    ...batchFields,
    orders: z
      .array(z.union([placeEntry, cancelEntry, amendEntry]))
      .min(1)
      .max(1000),
  })
  .meta({ id: 'BatchRequest' })

export const listBody = z
  .strictObject({
    type: word('OCO', 'OTO', 'BRACKET').describe(
      'OCO: two orders, one cancels the other. OTO: the second lives when the first has filled. ' +
        'BRACKET: so do the second and the third, which are an OCO',
    ),
    partial: z
      .boolean()
      .default(false)
      .describe('of OTO and BRACKET: the exits live as far as the entry has filled'),
    orders: z.array(orderBody, 'is not a list of orders').min(2, 'has less than 2 orders').max(3),
    idempotency_key: key.nullish().describe('makes the key KEY:N of each order without its own'),
    deadline,
  })
  .meta({ id: 'OrderListRequest' })
