// The entry of every worker thread: on Node 20 a thread cannot load TypeScript by itself.
import { workerData } from 'node:worker_threads'
import { register } from 'tsx/esm/api'

register()
await import(workerData.entry)
