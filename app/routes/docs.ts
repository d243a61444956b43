import { Hono } from 'hono'
import { html, raw } from 'hono/html'
import { generateSpecs } from 'hono-openapi'
import { documentBase } from '../openapi.ts'
import type { Env } from './context.ts'

type Specs = Awaited<ReturnType<typeof generateSpecs>>
const methods = ['get', 'post', 'patch', 'delete'] as const
type Operation = NonNullable<Specs['paths'][string]['get']>

/** The OpenAPI document of all routes of the app, and a page to read it. */
export function docsRoutes(app: Hono<Env>, version: string): Hono<Env> {
  const docs = new Hono<Env>()
  let made: Promise<Specs> | undefined
  const specs = () => {
    made ??= generateSpecs(app, { documentation: documentBase(version) })
    return made
  }

  docs.get('/openapi.json', async () => Response.json(await specs()))

  docs.get('/docs', async c => {
    c.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
    return c.html(page(await specs()))
  })

  return docs
}

const style = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto; padding: 1rem }
  h2 { font: 600 1rem/1.5 ui-monospace, monospace; margin: 2rem 0 0 }
  pre { overflow-x: auto; padding: .5rem; background: #8881 } td { padding-right: 1.5rem }
  :root { color-scheme: light dark }`

function page({ info, paths, components }: Specs) {
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    methods.map(method => {
      const operation = item[method]
      return operation ? describeOperation(`${method.toUpperCase()} ${path}`, operation) : ''
    }),
  )
  return html`<!doctype html>
    <html lang="en">
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width" />
      <title>${info.title} API</title>
      <style>${raw(style)}</style>
      <h1>${info.title} ${info.version}</h1>
      <p>${info.description}</p>
      <p>The same for programs: <a href="openapi.json">openapi.json</a></p>
      ${operations}
      <h2>Bodies</h2>
      <pre>${JSON.stringify(components.schemas, null, 2)}</pre>
    </html>`
}

function describeOperation(title: string, operation: Operation) {
  const { summary, parameters = [], responses = {}, requestBody } = operation
  const names = parameters.flatMap(parameter => ('name' in parameter ? [parameter.name] : []))
  const content = requestBody && 'content' in requestBody ? requestBody.content : {}
  const schema = content['application/json']?.schema
  const body = schema && '$ref' in schema ? schema.$ref?.split('/').at(-1) : undefined
  const answers = Object.entries(responses).map(([status, response]) => {
    return html`<tr><td>${status}<td>${'description' in response ? response.description : ''}</tr>`
  })
  return html`<h2>${title}</h2>
    <p>${summary}</p>
    ${names.length > 0 ? html`<p>Parameters: ${names.join(', ')}</p>` : ''}
    ${body ? html`<p>Body: ${body}</p>` : ''}
    <table>${answers}</table>`
}
