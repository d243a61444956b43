/**
 * The service's HTTP API, by paths relative to the page.
 *
 * @typedef {{ title?: string, status: number, detail?: string, code?: string, field?: string,
 *   bound?: string, request_id?: string }} Problem
 * @typedef {{ ok: true, status: number, body: any } | { ok: false, status: number,
 *   problem: Problem }} Answer
 */

const waitMs = 15_000

/**
 * Rejects only when no answer came: every answer, also a refusal, is a value.
 * @param {string} method @param {string} path @param {object} [body]
 * @returns {Promise<Answer>}
 */
export async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    signal: AbortSignal.timeout(waitMs),
    headers: body ? { 'content-type': 'application/json' } : {},
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const text = await response.text()
  const value = readJson(text)
  if (response.ok && value !== undefined) return { ok: true, status: response.status, body: value }
  const problem = value && typeof value === 'object' ? value : {}
  const fallback = { title: response.statusText || 'no JSON answer', status: response.status }
  return { ok: false, status: response.status, problem: { ...fallback, ...problem } }
}

/** @param {string} path @param {Record<string, string | number>} query */
export function pathWith(path, query) {
  const pairs = Object.entries(query).map(([name, value]) => [name, String(value)])
  return `${path}?${new URLSearchParams(pairs)}`
}

/** @param {string} id one segment of a path */
export function segment(id) {
  return encodeURIComponent(id)
}

/** @param {Problem} problem in one line */
export function describeProblem(problem) {
  const parts = [problem.status, problem.code, problem.detail ?? problem.title]
  return parts.filter(Boolean).join(' · ')
}

/** A key that makes a repeat of the same request harmless. Also where randomUUID is not offered. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}

/** @param {string} text */
function readJson(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
