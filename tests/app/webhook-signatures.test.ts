import t from 'tap'
import { isSigned, readSecret, signMessage } from '../../app/webhook-signatures.ts'

const at = new Date(1_614_265_330_000)
const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
const body = '{"test": 2432232314}'
const secret = readSecret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw') ?? Buffer.alloc(0)
const headers = { ...signMessage(secret, id, body, at) }

t.test('a message is signed as Standard Webhooks says, by its own example', async t => {
  t.same(headers, {
    'webhook-id': id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
  t.ok(isSigned(secret, headers, body, at))
})

t.test('one of several signatures is enough, while a secret is being changed', async t => {
  const good = headers['webhook-signature']
  const signed = (signature: string) =>
    isSigned(secret, { ...headers, 'webhook-signature': signature }, body, at)

  t.ok(signed(`v1,AAAA v2,x ${good}`))
  t.notOk(signed(`${'v1,AAAA '.repeat(8)}${good}`), 'of a few')
})

t.test('what is altered, old, early or incomplete is not signed', async t => {
  const later = (seconds: number) => new Date(at.getTime() + seconds * 1000)
  const signed = (changed: object, text = body, now = at, key = secret) =>
    isSigned(key, { ...headers, ...changed }, text, now)
  const signature = headers['webhook-signature']

  t.notOk(signed({}, `${body} `))
  t.notOk(signed({}, body, at, Buffer.from('another secret, 24 bytes')))
  t.notOk(signed({ 'webhook-id': 'msg_x' }))
  t.notOk(signed({ 'webhook-timestamp': '1614265331' }))
  t.notOk(signed({ 'webhook-timestamp': '1614265330.0' }))
  t.notOk(signed({ 'webhook-timestamp': 'now' }))
  for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
    t.notOk(signed({ [name]: undefined }), name)
    t.notOk(signed({ [name]: ['a', 'b'] }), name)
  }
  t.notOk(signed({ 'webhook-signature': signature.slice(3) }), 'without its version')
  t.notOk(signed({ 'webhook-signature': signature.slice(0, -4) }))
  t.notOk(signed({ 'webhook-signature': '' }))
  t.ok(signed({}, body, later(300)))
  t.ok(signed({}, body, later(-300)))
  t.notOk(signed({}, body, later(301)))
  t.notOk(signed({}, body, later(-301)))
})

t.test('a secret is whsec_ and 24 to 64 bytes in base64', async t => {
  const text = (bytes: number) => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`

  t.equal(readSecret(text(24))?.length, 24)
  t.equal(readSecret(text(64))?.length, 64)
  for (const bad of [text(23), text(65), text(24).slice(6), `${text(24)}!`, 'whsec_', '']) {
    t.equal(readSecret(bad), null, bad)
  }
})
