import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Context, Hono } from 'hono'

/**
 * The dashboard: static files of this project, and three browser modules as their packages ship
 * them. Nothing is built, nothing comes from another origin, and the policy below makes the browser
 * hold the page to that.
 */
export const dashboard = new Hono()

const folder = fileURLToPath(new URL('../dashboard/', import.meta.url))

/** One plain name, so that no request can leave the folder. */
const ownFile = /^[a-z]+(?:-[a-z]+)*\.(?:js|css|svg)$/

const packages = createRequire(import.meta.url)
const vendored = new Map([
  ['preact.mjs', beside('preact', 'preact.mjs')],
  ['preact.mjs.map', beside('preact', 'preact.mjs.map')],
  ['htm.mjs', beside('htm', 'htm.mjs')],
  ['uplot.mjs', beside('uplot', 'uPlot.esm.js')],
  ['uplot.css', beside('uplot', 'uPlot.min.css')],
])

const contentTypes: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.map': 'application/json',
}

const policy = [
  "default-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

dashboard.get('/', c => serve(c, join(folder, 'index.html')))

dashboard.get('/favicon.ico', c => serve(c, join(folder, 'favicon.svg')))

dashboard.get('/dashboard/vendor/:file', c => {
  const path = vendored.get(c.req.param('file'))
  return path === undefined ? c.notFound() : serve(c, path)
})

dashboard.get('/dashboard/:file', c => {
  const file = c.req.param('file')
  return ownFile.test(file) ? serve(c, join(folder, file)) : c.notFound()
})

/** Read at each request: the files are small, and an edit shows at the next reload. */
async function serve(c: Context, path: string): Promise<Response> {
  const content = await readFile(path).catch(() => null)
  if (content === null) return c.notFound()
  const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 27)}"`
  const headers = {
    'content-type': contentTypes[extname(path)] ?? 'application/octet-stream',
    'cache-control': 'no-cache',
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    etag,
  }
  const known = c.req
    .header('if-none-match')
    ?.split(',')
    .map(tag => tag.trim().replace(/^W\//, ''))
  if (known?.includes(etag) || known?.includes('*')) return c.body(null, 304, headers)
  return c.body(new Uint8Array(content), 200, headers)
}

/** The path of a file that lies in the same folder as a package's entry. */
function beside(name: string, file: string): string {
  return join(dirname(packages.resolve(name)), file)
}
