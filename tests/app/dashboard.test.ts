import { readdir } from 'node:fs/promises'
import t from 'tap'
import { dashboard } from '../../app/routes/dashboard.ts'

const folder = new URL('../../app/dashboard/', import.meta.url)
const vendored = ['preact.mjs', 'preact.mjs.map', 'htm.mjs', 'uplot.mjs', 'uplot.css']
const contentTypes: Record<string, RegExp> = {
  js: /^text\/javascript/,
  mjs: /^text\/javascript/,
  css: /^text\/css/,
  svg: /^image\/svg\+xml$/,
  map: /^application\/json/,
}

async function allPaths() {
  const own = (await readdir(folder)).filter(file => file !== 'index.html')
  return [
    ...own.map(file => `/dashboard/${file}`),
    ...vendored.map(file => `/dashboard/vendor/${file}`),
  ]
}

void t.test('the page is served at / under a policy that allows this origin only', async t => {
  const response = await dashboard.request('/')

  t.equal(response.status, 200)
  t.match(response.headers.get('content-type'), /^text\/html; charset=utf-8$/)
  t.match(response.headers.get('content-security-policy'), /^default-src 'self'/)
  t.notMatch(response.headers.get('content-security-policy'), /unsafe|https?:/)
  t.equal(response.headers.get('x-content-type-options'), 'nosniff')
  t.match(await response.text(), /<script type="module" src="dashboard\/main.js">/)
})

void t.test('every file of the dashboard is served with its type', async t => {
  for (const path of await allPaths()) {
    const response = await dashboard.request(path)
    const extension = path.slice(path.lastIndexOf('.') + 1)
    t.equal(response.status, 200, path)
    t.match(response.headers.get('content-type'), contentTypes[extension], path)
    t.ok((await response.arrayBuffer()).byteLength > 0, path)
  }
  t.match((await dashboard.request('/favicon.ico')).headers.get('content-type'), 'image/svg+xml')
})

void t.test('a file that the browser has is not sent again', async t => {
  const first = await dashboard.request('/dashboard/vendor/uplot.mjs')
  const etag = first.headers.get('etag') ?? ''
  t.equal(first.headers.get('cache-control'), 'no-cache')

  for (const tag of [etag, `W/${etag}`, `"other", ${etag}`]) {
    const again = await dashboard.request('/dashboard/vendor/uplot.mjs', {
      headers: { 'if-none-match': tag },
    })
    t.equal(again.status, 304, tag)
    t.equal(await again.text(), '')
    t.equal(again.headers.get('etag'), etag)
  }
  const other = await dashboard.request('/dashboard/main.js', {
    headers: { 'if-none-match': etag },
  })
  t.equal(other.status, 200)
})

void t.test('HEAD answers as GET does, without the content', async t => {
  const response = await dashboard.request('/dashboard/main.js', { method: 'HEAD' })

  t.equal(response.status, 200)
  t.match(response.headers.get('content-type'), /^text\/javascript/)
  t.equal(await response.text(), '')
})

void t.test('no path leads out of the folder', async t => {
  const paths = [
    '/dashboard/../../package.json',
    '/dashboard/%2e%2e/%2e%2e/package.json',
    '/dashboard/..%2f..%2fpackage.json',
    '/dashboard/..%5c..%5cpackage.json',
    '/dashboard/%2fetc%2fpasswd',
    '/dashboard/main.js%00.css',
    '/dashboard/.hidden.js',
    '/dashboard/missing.js',
    '/dashboard/constructor',
    '/dashboard/vendor/..%2fpackage.json',
    '/dashboard/vendor/constructor',
    '/dashboard/vendor/preact.js',
    '/dashboard/vendor',
    '/dashboard/%E0%A4%A',
  ]
  for (const path of paths) {
    const response = await dashboard.request(path)
    t.equal(response.status, 404, path)
  }
})

void t.test('no file names another origin', async t => {
  const own = (await allPaths()).filter(path => !path.includes('/vendor/'))
  for (const path of ['/', ...own]) {
    const text = await (await dashboard.request(path)).text()
    const addresses = text.match(/(?:https?:)?\/\/[a-z0-9-]+\.[a-z][^\s"'`)]*/gi) ?? []
    t.same(
      addresses.filter(address => !address.startsWith('http://www.w3.org/')),
      [],
      path,
    )
  }
})
