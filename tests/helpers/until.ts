import { setTimeout as pause } from 'node:timers/promises'

/** Waits for a condition; fails after 30 s. One that throws does not hold yet. */
export async function until(condition: () => unknown): Promise<void> {
  const deadline = Date.now() + 30_000
  for (;;) {
    try {
      if (await condition()) return
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
    if (Date.now() > deadline) throw new Error(`not within 30 s: ${condition}`)
    await pause(10)
  }
}
