import { createHmac } from 'node:crypto'
import t from 'tap'
import { rolePassword, roleUrl } from '../../../app/database/logins.ts'

const password = createHmac('sha256', 'se/cret').update('pgsettle_app').digest('base64url')

const cases: [owner: string, role: string][] = [
  ['postgres://owner:se%2Fcret@db:5433/venue', `postgres://pgsettle_app:${password}@db:5433/venue`],
  [
    'postgres://owner:se%2Fcret@db/venue?sslmode=require',
    `postgres://pgsettle_app:${password}@db/venue?sslmode=require`,
  ],
  ['postgres://owner@db/venue', 'postgres://pgsettle_app@db/venue'],
  [
    'postgresql:///venue?host=/run/postgresql',
    'postgresql:///venue?host=%2Frun%2Fpostgresql&user=pgsettle_app',
  ],
  [
    'postgresql:///venue?host=db&user=owner&password=se/cret',
    `postgresql:///venue?host=db&user=pgsettle_app&password=${password}`,
  ],
]
for (const [owner, expected] of cases) {
  t.test(`the app logs in beside ${owner}`, async t => {
    t.equal(roleUrl(owner, 'pgsettle_app'), expected)
  })
}

t.test('every role has a password of its own, none where the owner has none', async t => {
  const owner = 'postgres://owner:secret@db/venue'
  t.not(rolePassword(owner, 'pgsettle_app'), rolePassword(owner, 'pgsettle_worker'))
  t.equal(rolePassword('postgres://owner@db/venue', 'pgsettle_app'), null)
})
