import type { IncomingMessage } from 'node:http'
import { findInexactNumber } from '../amounts.ts'
import { Problem } from '../errors.ts'
import type { RequestContext } from './context.ts'

/** No body we take is larger; never is more than this held in memory for a request. */
const maxBodyBytes = 1024 * 1024

/**
 * The JSON of the request's body. It is read from the socket's own stream: a web Request built
 * around it, or a middleware that measures it, costs two thirds of the requests a second. `check`
 * sees the text before anything is made of it, and may throw.
 */
export async function readJson(
  c: RequestContext,
  check: (text: string) => void = () => {},
): Promise<unknown> {
  const { incoming } = c.env
  const { 'content-type': contentType, 'content-length': contentLength } = incoming.headers
  if (contentLength !== undefined && Number(contentLength) > maxBodyBytes) throw tooLarge()
  const text = await readText(incoming)
  check(text)
  if (text.trim() === '') throw new Problem(400, 'EMPTY_BODY', 'the request has no body')
  if (!/^application\/json *(;|$)/i.test(contentType ?? '')) {
    throw new Problem(415, 'NOT_JSON', 'the body must be sent as content-type application/json')
  }
  const value = parseJson(text)
  const field = findInexactNumber(text)
  if (field !== undefined) {
    const detail = `${field} has more than 15 significant digits: send it as a string`
    throw new Problem(400, 'PRECISION', detail, { field })
  }
  return value
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Problem(400, 'BAD_JSON', 'the body is not JSON')
  }
}

function readText(incoming: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const take = (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxBodyBytes) {
        chunks.push(chunk)
        return
      }
      incoming.off('data', take)
      incoming.pause()
      reject(tooLarge())
    }
    incoming.on('data', take)
    incoming.once('end', () => {
      const [only] = chunks
      resolve((chunks.length === 1 && only ? only : Buffer.concat(chunks)).toString())
    })
    incoming.once('close', () => {
      if (!incoming.readableEnded) reject(new Problem(400, 'CUT_OFF', 'the body is not complete'))
    })
  })
}

function tooLarge(): Problem {
  return new Problem(413, 'TOO_LARGE', `the body is larger than ${maxBodyBytes} bytes`)
}
