import t from 'tap'
import { printUnits, toUnits } from '../replay/decimals.ts'
import { type Bidder, findUncrossing } from './auction.ts'
import { buy, createWorkedMarket, sell, state } from './worked-market.ts'

/** Orders as `price x quantity`; a price of `any` is a market order. */
function bidders(text: string): Bidder[] {
  return text
    .split(', ')
    .filter(part => part !== '')
    .map(part => {
      const [price = '', quantity = ''] = part.split(' x ')
      return {
        bookPrice: price === 'any' ? null : toUnits(price),
        remaining: toUnits(quantity),
      }
    })
}

function uncrossing(bids: string, asks: string, reference: string | null = null): string {
  const found = findUncrossing(bidders(bids), bidders(asks), {
    tick: toUnits('1'),
    reference: reference === null ? null : toUnits(reference),
  })
  if (!found) return 'none'
  return [found.price, found.volume, found.surplus].map(printUnits).join(' ')
}

t.test('the uncrossing price: volume, surplus, pressure, reference', async t => {
  const bids = '640 x 500, 639 x 1000, 634 x 1000, 633 x 500'
  const asks = '610 x 1000, 640 x 500, 641 x 520, 642 x 550, 643 x 519'
  t.equal(uncrossing(bids, asks), '639 1000 500', 'more is wanted: the highest price')
  t.equal(uncrossing('105 x 10', '100 x 15'), '100 10 -5', 'more is offered: the lowest price')
  t.equal(uncrossing('105 x 10, 102 x 5', '100 x 15'), '101 15 0', 'the largest volume')
  t.equal(uncrossing('105 x 10', '100 x 10', '103'), '103 10 0', 'the reference, if it fits')
  t.equal(uncrossing('105 x 10', '100 x 10', '99'), '100 10 0', 'else what is nearest')
  t.equal(uncrossing('105 x 10', '100 x 10', '120'), '105 10 0', 'on either side')
  t.equal(uncrossing('105 x 10', '100 x 10'), '102 10 0', 'else the middle, on the tick')
  t.equal(uncrossing('any x 10', '100 x 4, 110 x 4'), '110 8 2', 'a market order takes any price')
  t.equal(uncrossing('any x 10', 'any x 10', '70'), '70 10 0', 'and has none of its own')
  t.equal(uncrossing('99 x 10', '100 x 10'), 'none')
  t.equal(uncrossing('', '100 x 10', '100'), 'none')
})

t.test('all trade at one price: those better than it in full, those at it by time', async t => {
  const market = createWorkedMarket({ defaultStp: 'CANCEL_BOTH' })
  market.moveToPhase('CALL', 0)
  market.play(buy('late', 'ann 5@102'))
  market.play(sell('a', 'ann 4@100'))
  market.play(buy('best', 'bob 3@105'))
  market.play(sell('b', 'cat 4@101', { display_quantity: '1' }))
  market.play(buy('later', 'bob 5@102'))
  market.play(buy('stop', 'cat 1@103', { type: 'STOP_LIMIT', stop_price: '102' }))
  market.play(buy('call', 'bob 2@101', { time_in_force: 'CLS' }))
  t.strictSame(market.tape(), [], 'nothing trades in a call')

  market.moveToPhase('CONTINUOUS', 0)

  t.strictSame(market.tape(), ['3@102 a best', '1@102 late a', '4@102 late b'])
  t.equal(state(market.order('call')), 'EXPIRED AUCTION_ONLY 0 0 0 2')
  t.strictSame(market.queue('BUY'), ['stop 1@103', 'later 5@102'], 'the price fires stop orders')
})
