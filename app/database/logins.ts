import { createHmac } from 'node:crypto'

/** The roles that processes log in as; the first migration makes them. */
export type LoginRole = 'pgsettle_app' | 'pgsettle_worker'
export const LOGIN_ROLES: readonly LoginRole[] = ['pgsettle_app', 'pgsettle_worker']

/**
 * The connection string of a role: the owner's, with the role's name and a password made from the
 * owner's. So DATABASE_URL is the only secret that an operator keeps, and a process that was given
 * a role's password learns nothing about the owner's.
 *
 * No password in the owner's string (peer, trust, a .pgpass file): none in the role's.
 */
export function roleUrl(ownerUrl: string, role: LoginRole): string {
  const url = new URL(ownerUrl)
  const password = rolePassword(ownerUrl, role)
  // URL forbids a user where there is no host (`postgres:///venue?host=/run/postgresql`), and
  // what stands in the query wins anyway.
  if (url.hostname === '' || url.searchParams.has('user')) {
    url.searchParams.set('user', role)
    if (password !== null) url.searchParams.set('password', password)
  } else {
    url.username = role
    url.password = password ?? ''
    url.searchParams.delete('password')
  }
  return url.href
}

/** Null when the owner's connection string has no password to make it from. */
export function rolePassword(ownerUrl: string, role: LoginRole): string | null {
  const url = new URL(ownerUrl)
  const ownerPassword = url.searchParams.get('password') ?? decodeURIComponent(url.password)
  if (ownerPassword === '') return null
  return createHmac('sha256', ownerPassword).update(role).digest('base64url')
}
