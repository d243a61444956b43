import type { EventRow } from '../../../app/rows.ts'

/** An event that says nothing but what the test says. */
export function eventRow(facts: Partial<EventRow>): EventRow {
  return {
    symbol_id: 1,
    symbol: 'BTC-USD',
    seq: '1',
    at: '2026-11-20T08:00:00.000000Z',
    kind: 'REJECTED',
    order_id: '1000000000001',
    client_id: 'client-A',
    side: 'BUY',
    price: null,
    quantity: null,
    remaining: null,
    prior_price: null,
    prior_remaining: null,
    trade_id: null,
    maker_order_id: null,
    maker_client_id: null,
    maker_remaining: null,
    reason: null,
    visible: null,
    prior_visible: null,
    maker_visible: null,
    maker_prior_visible: null,
    phase: null,
    phase_end_at: null,
    ...facts,
  }
}
