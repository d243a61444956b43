import { createServer, type ServerResponse } from 'node:http'
import t from 'tap'
import { until } from '../helpers/until.ts'
import { follow } from './follower.ts'

const message = (id: string) => `event: trade\nid: ${id}\ndata: {"no":"${id}"}\n\n`

t.test('a follower keeps its place over a stream that is cut before its first id', async t => {
  const answers: ((response: ServerResponse) => void)[] = [
    response => response.destroy(),
    response => response.end(),
    response => response.write(message('1')),
    response => response.end(),
    response => response.writeHead(503).end(),
    response => response.write(message('2')),
  ]
  const askedBehind: (string | undefined)[] = []
  const server = createServer((request, response) => {
    const answer = answers.shift()
    if (!answer) return void response.destroy()
    askedBehind.push(request.headers['last-event-id']?.toString())
    answer(response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0

  const follower = await follow(t, () => `http://127.0.0.1:${port}`, 'trades:BTC-USD', 1)
  t.equal(askedBehind.length, 3, 'it is there when it has a place')
  await until(() => askedBehind.length === 6 && follower.messages().length === 2)
  await follower.stop()

  t.same(askedBehind, [undefined, undefined, undefined, '1', '1', '1'])
  t.same(
    follower.messages().map(one => one.data.no),
    ['1', '2'],
  )
})
