import t from 'tap'
import {
  isConnectionFailure,
  LostConnection,
  Problem,
  problemResponse,
  refusal,
  toProblem,
} from '../../app/errors.ts'

const sqlError = (code: string, more: object = {}) =>
  Object.assign(new Error('the secret text'), { code, severity: 'ERROR', ...more })

t.test('the class of an SQLSTATE decides the status', async t => {
  const cases: [string, number, string][] = [
    ['IVAMT', 400, 'INVALID_ARGUMENT'],
    ['NFSYM', 404, 'UNKNOWN_SYMBOL'],
    ['STXYZ', 409, 'WRONG_STATE'],
    ['RJKEY', 422, 'KEY_REUSED'],
    ['LKXYZ', 503, 'BUSY'],
    ['NVACC', 500, 'INTERNAL'],
    ['40001', 503, 'BUSY'],
    ['40P01', 503, 'BUSY'],
    ['55P03', 503, 'BUSY'],
    ['23514', 500, 'INTERNAL'],
    ['42P01', 500, 'INTERNAL'],
  ]
  for (const [state, status, code] of cases) {
    t.match(toProblem(sqlError(state)), { status, code }, state)
  }
})

t.test('what our SQL raises speaks for itself', async t => {
  const error = sqlError('NFAST', { hint: 'NO_ASSET', column: 'asset', detail: 'XYZ' })

  const problem = toProblem(error)

  t.match(problem, { code: 'NO_ASSET', message: 'the secret text: XYZ', facts: { field: 'asset' } })
})

t.test('the text of an unknown error goes to nobody', async t => {
  for (const error of [
    sqlError('XX000'),
    sqlError('NVBUG'),
    new Error('the secret text'),
    'text',
  ]) {
    const response = problemResponse(toProblem(error), 'r-1')
    t.equal(response.status, 500)
    t.notMatch(await response.text(), /secret/)
  }
})

t.test('a lost connection is unavailable before a statement was sent, unknown after', async t => {
  t.match(toProblem(new LostConnection(false, null)), { status: 503, code: 'DATABASE_UNAVAILABLE' })
  t.match(toProblem(new LostConnection(true, null)), { status: 503, code: 'UNKNOWN_OUTCOME' })
  t.ok(isConnectionFailure(new Error('Connection terminated unexpectedly')))
  t.ok(isConnectionFailure(Object.assign(new Error('write'), { code: 'EPIPE' })))
  t.ok(isConnectionFailure(sqlError('57P01', { severity: 'FATAL' })))
  t.notOk(isConnectionFailure(sqlError('NFSYM')))
})

t.test('a problem document has the members of RFC 9457 and ours', async t => {
  const facts = { field: 'price', bound: '0.01', orderId: '7', retryAfterSeconds: 3 }

  const response = problemResponse(new Problem(503, 'PRICE_TICK', 'no', facts), 'r-1')

  t.equal(response.headers.get('content-type'), 'application/problem+json')
  t.equal(response.headers.get('retry-after'), '3')
  t.same(await response.json(), {
    type: 'urn:pgsettle:problem:price-tick',
    title: 'Price tick',
    status: 503,
    detail: 'no',
    code: 'PRICE_TICK',
    request_id: 'r-1',
    field: 'price',
    bound: '0.01',
    order_id: '7',
  })
})

t.test('a refused order makes the same problem as an exception', async t => {
  t.match(refusal('RJTCK', 'PRICE_TICK', 'why', { bound: '0.01', orderId: '7' }), {
    status: 422,
    code: 'PRICE_TICK',
    message: 'why',
    facts: { bound: '0.01', orderId: '7' },
  })
  t.match(refusal('NVBAD', null, 'why', {}), { status: 500, code: 'INTERNAL' })
})
