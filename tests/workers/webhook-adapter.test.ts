import t from 'tap'
import type { OutsideLeg } from '../../workers/outside-adapter.ts'
import { answerOf, createWebhook } from '../../workers/webhook-adapter.ts'
import { startReceiver } from '../helpers/receiver.ts'
import { until } from '../helpers/until.ts'

const answers: [status: number, text: string, outcome: string, more?: object][] = [
  [200, '{"status":"CONFIRMED","reference":"wire 7"}', 'CONFIRMED', { reference: 'wire 7' }],
  [201, '{"status":"VOIDED","reason":"closed","more":1}', 'VOIDED', { reason: 'closed' }],
  [200, '{"status":"ACCEPTED"}', 'ACCEPTED', { reason: null, reference: null }],
  [202, '', 'ACCEPTED'],
  [204, '', 'ACCEPTED'],
  [200, 'thank you', 'ACCEPTED'],
  [200, '{"status":"confirmed"}', 'ACCEPTED'],
  [200, '{"status":"CONFIRMED","reason":7}', 'ACCEPTED'],
  [200, 'null', 'ACCEPTED'],
  [301, '', 'REFUSED', { reason: 'HTTP 301' }],
  [400, 'no\u0000such\ud800thing', 'REFUSED', { reason: 'HTTP 400 no such thing' }],
  [409, '', 'REFUSED'],
  [422, 'x'.repeat(900), 'REFUSED', { reason: `HTTP 422 ${'x'.repeat(491)}` }],
  [408, '', 'RETRY'],
  [425, '', 'RETRY'],
  [429, 'slowly', 'RETRY', { reason: 'HTTP 429 slowly' }],
  [500, '{"status":"CONFIRMED"}', 'RETRY', { reference: null }],
  [503, '', 'RETRY'],
]

t.test('what an answer means', async t => {
  for (const [status, text, outcome, more] of answers) {
    const answer = answerOf(status, text)
    t.match(answer, { outcome, ...more }, `${status} ${text.slice(0, 20)}`)
  }
})

t.test('a request that takes too long, or finds nobody, is thrown', async t => {
  const receiver = await startReceiver(t, 'HOLD')
  const leg: OutsideLeg = {
    leg_id: '1',
    token: '1',
    attempt: 1,
    adapter: 'webhook',
    external_id: '7f3df1a8-3c7c-4b8f-9f2f-1d6e0c6e4c11',
    kind: 'WITHDRAWAL',
    withdrawal_id: '1',
    settlement_id: null,
    from_client_id: 'alice',
    to_client_id: 'external',
    asset: 'USD',
    amount: '1',
  }
  const { name, send } = createWebhook(receiver)
  const ending = new AbortController()

  const sent = send(leg, ending.signal)
  await until(() => receiver.messages.length === 1)
  ending.abort(new Error('it takes too long'))

  t.equal(name, 'webhook')
  await t.rejects(sent, { message: 'it takes too long' })
  const nobody = createWebhook({ ...receiver, url: 'http://127.0.0.1:9/' })
  await t.rejects(nobody.send(leg, new AbortController().signal))
})
