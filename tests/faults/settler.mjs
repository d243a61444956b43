// A settlement worker in a process of its own, so that it can be killed or stopped. It ends with
// whoever started it.
import { Worker } from 'node:worker_threads'

const boot = new URL('../../workers/boot.mjs', import.meta.url)
const worker = new Worker(boot, { workerData: JSON.parse(process.env.SETTLER) })
worker.on('error', error => console.error(error))
worker.on('exit', () => process.exit())
process.stdin.on('end', () => process.exit()).resume()
