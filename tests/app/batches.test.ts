import t, { type Test } from 'tap'
import { type BatchOptions, createBatches } from '../../app/batches.ts'
import { LostConnection, Problem } from '../../app/errors.ts'

interface Call {
  symbol: string
  commands: readonly string[]
  isAtomic: boolean
  answer(results?: readonly string[]): void
  fail(error: unknown): void
}

/** Batches over a database that answers when the test says so. */
function slowBatches(options: Partial<BatchOptions<string, string>> = {}) {
  const calls: Call[] = []
  const batches = createBatches<string, string>({
    execute: (symbol, commands, isAtomic) =>
      new Promise((resolve, reject) => {
        const answer = (results = commands.map(command => `${command}!`)) => resolve(results)
        calls.push({ symbol, commands, isAtomic, answer, fail: reject })
      }),
    isRepeatable: command => command.startsWith('keyed'),
    start: run => run(),
    pause: async () => {},
    ...options,
  })
  const call = async (index: number): Promise<Call> => {
    for (let tries = 0; tries < 100; tries += 1) {
      const found = calls[index]
      if (found) return found
      await new Promise(resolve => setImmediate(resolve))
    }
    throw new Error(`call ${index} never came`)
  }
  return { batches, calls, call }
}

const sqlError = (state: string) =>
  Object.assign(new Error('raised'), { code: state, severity: 'ERROR' })

async function outcomes(submitted: readonly Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(submitted)
  return settled.map(one => (one.status === 'fulfilled' ? 'ok' : nameOf(one.reason)))
}

function nameOf(error: unknown): string {
  if (error instanceof LostConnection) return error.isSent ? 'unknown' : 'unavailable'
  if (error instanceof Problem) return error.code
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

t.test('a lone command goes at once', async t => {
  const { batches, call } = slowBatches()

  const answer = batches.submit('A-B', 'one')
  const { symbol, commands, isAtomic, answer: reply } = await call(0)
  t.ok(batches.longestRunMs() > 0)
  reply()

  t.same([symbol, commands, isAtomic], ['A-B', ['one'], false])
  t.equal(await answer, 'one!')
  await new Promise(resolve => setImmediate(resolve))
  t.equal(batches.longestRunMs(), 0)
})

t.test('what comes while a batch is in the database forms the next, in its order', async t => {
  const { batches, calls, call } = slowBatches()

  const answers = ['a', 'b', 'c', 'd'].map(command => batches.submit('A-B', command))
  const first = await call(0)
  t.equal(calls.length, 1, 'one batch of a symbol at a time')
  t.equal(batches.waiting(), 3)
  first.answer()
  const second = await call(1)
  second.answer()

  t.same([first.commands, second.commands], [['a'], ['b', 'c', 'd']])
  t.same(await Promise.all(answers), ['a!', 'b!', 'c!', 'd!'])
})

t.test('what is only accepted forms batches of its own, and keeps its place', async t => {
  const { batches, call } = slowBatches({ isDeferred: command => command.startsWith('later') })
  const submitted = ['a', 'b', 'later-1', 'later-2', 'c', 'later-3'].map(command =>
    batches.submit('A-B', command),
  )

  const sent = []
  for (let index = 0; index < 5; index += 1) {
    const { commands, answer } = await call(index)
    sent.push(commands)
    answer()
  }

  t.same(sent, [['a'], ['b'], ['later-1', 'later-2'], ['c'], ['later-3']])
  await Promise.all(submitted)
})

t.test('symbols do not wait for each other', async t => {
  const { batches, call } = slowBatches()

  const one = batches.submit('A-B', 'a')
  const other = batches.submit('C-D', 'c')
  const second = await call(1)
  second.answer()

  t.equal(await other, 'c!')
  const first = await call(0)
  first.answer()
  t.equal(await one, 'a!')
})

t.test('a batch and the queue are bounded', async t => {
  const { batches, call } = slowBatches({ maxBatch: 2, maxWaiting: 3 })

  const told = outcomes(['a', 'b', 'c', 'd', 'e'].map(command => batches.submit('A-B', command)))
  for (const index of [0, 1, 2]) {
    const { commands, answer } = await call(index)
    t.ok(commands.length <= 2)
    answer()
  }

  t.same(await told, ['ok', 'ok', 'ok', 'ok', 'QUEUE_FULL'])
})

t.test('an atomic unit runs alone, in its turn', async t => {
  const { batches, call } = slowBatches()

  const a = batches.submit('A-B', 'a')
  const b = batches.submit('A-B', 'b')
  const unit = batches.submitAtomic('A-B', ['c', 'd'])
  const e = batches.submit('A-B', 'e')
  const seen: [readonly string[], boolean][] = []
  for (const index of [0, 1, 2, 3]) {
    const { commands, isAtomic, answer } = await call(index)
    seen.push([commands, isAtomic])
    answer()
  }

  t.same(seen, [
    [['a'], false],
    [['b'], false],
    [['c', 'd'], true],
    [['e'], false],
  ])
  t.same(await Promise.all([a, b, unit, e]), ['a!', 'b!', ['c!', 'd!'], 'e!'])
})

t.test('what is submitted together is one transaction, with others or without', async t => {
  const { batches, call } = slowBatches()

  const first = batches.submit('A-B', 'a')
  const pair = batches.submitTogether('A-B', ['b', 'c'])
  const last = batches.submit('A-B', 'd')
  const seen: [readonly string[], boolean][] = []
  for (const index of [0, 1]) {
    const { commands, isAtomic, answer } = await call(index)
    seen.push([commands, isAtomic])
    answer()
  }

  t.same(seen, [
    [['a'], false],
    [['b', 'c', 'd'], false],
  ])
  t.same(await Promise.all([first, pair, last]), ['a!', ['b!', 'c!'], 'd!'])
})

t.test('a batch is bounded by its commands, and never cuts what belongs together', async t => {
  const { batches, call } = slowBatches({ maxBatch: 3 })

  const told = outcomes([
    batches.submit('A-B', 'a'),
    batches.submitTogether('A-B', ['b', 'c']),
    batches.submitTogether('A-B', ['d', 'e']),
    batches.submitTogether('A-B', ['f', 'g', 'h', 'i']),
    batches.submit('A-B', 'j'),
  ])
  const seen: (readonly string[])[] = []
  for (const index of [0, 1, 2, 3, 4]) {
    const { commands, answer } = await call(index)
    seen.push(commands)
    answer()
  }

  t.same(seen, [['a'], ['b', 'c'], ['d', 'e'], ['f', 'g', 'h', 'i'], ['j']])
  t.same(await told, Array(5).fill('ok'))
})

t.test('one poisonous command fails alone', async t => {
  const batches = createBatches<string, string>({
    execute: async (_symbol, commands) => {
      if (commands.includes('poison')) throw sqlError('22003')
      return commands.map(command => `${command}!`)
    },
    isRepeatable: () => false,
  })

  const commands = ['a', 'b', 'poison', 'c', 'd', 'e', 'f']
  const answers = commands.map(command => batches.submit('A-B', command))

  t.same(await outcomes(answers), ['ok', 'ok', '22003', 'ok', 'ok', 'ok', 'ok'])
})

t.test('an error that all commands meet alike is not looked for in each', async t => {
  await failsTogether(t, sqlError('NFSYM'), 'NFSYM')
  await failsTogether(t, sqlError('55P03'), '55P03')
  await failsTogether(t, sqlError('42501'), '42501')
  await failsTogether(t, new LostConnection(false, undefined), 'unavailable')
})

async function failsTogether(t: Test, error: Error, name: string) {
  const { batches, calls, call } = slowBatches({ start: setImmediate })
  const told = outcomes(['keyed a', 'b', 'c'].map(command => batches.submit('A-B', command)))
  const only = await call(0)

  only.fail(error)

  t.same(await told, [name, name, name])
  t.equal(calls.length, 1)
}

t.test('a lost answer: keyed commands are sent once more, the others are unknown', async t => {
  const { batches, calls, call } = slowBatches({ start: setImmediate })
  const told = outcomes(['keyed a', 'b', 'keyed c'].map(command => batches.submit('A-B', command)))

  const first = await call(0)
  first.fail(new LostConnection(true, undefined))
  const again = await call(1)
  again.answer()

  t.same(again.commands, ['keyed a', 'keyed c'])
  t.same(await told, ['ok', 'unknown', 'ok'])
  t.equal(calls.length, 2)
})

t.test('an outcome that stays unknown is told as unknown, not as undone', async t => {
  for (const error of [new LostConnection(false, undefined), sqlError('55P03')]) {
    const { batches, call } = slowBatches()
    const told = outcomes([batches.submit('A-B', 'keyed a')])
    const first = await call(0)
    first.fail(new LostConnection(true, undefined))

    const again = await call(1)
    again.fail(error)

    t.same(await told, ['unknown'])
  }
})

t.test('a commit is told before anyone is answered', async t => {
  const seen: string[] = []
  const batches = createBatches<string, string>({
    execute: async (_symbol, commands) => commands,
    isRepeatable: () => false,
    onCommitted: (symbol, results) => seen.push(`${symbol} ${results.join()}`),
  })

  await batches.submit('A-B', 'a').then(() => seen.push('answered'))

  t.same(seen, ['A-B a', 'answered'])
})

t.test('a result too few is a failure of all, not an answer to the wrong one', async t => {
  const { batches, call } = slowBatches({ start: setImmediate })
  const told = outcomes(['a', 'b'].map(command => batches.submit('A-B', command)))

  const { answer } = await call(0)
  answer(['b!'])

  t.same(await told, Array(2).fill('Error: 2 commands gave 1 results'))
})
