/** Events counted by the second, for the throughput figures and their sparklines. */

const secondsKept = 90
const secondsAveraged = 5

/** @param {() => number} clock milliseconds */
export function createRates(clock = Date.now) {
  /** @type {Map<string, Map<number, number>>} counts by name and second */
  const counts = new Map()
  const second = () => Math.floor(clock() / 1000)
  const started = second()

  return {
    /** @param {string} name @param {number} times */
    count(name, times = 1) {
      const slots = counts.get(name) ?? new Map()
      counts.set(name, slots)
      const now = second()
      slots.set(now, (slots.get(now) ?? 0) + times)
      for (const old of slots.keys()) {
        if (old >= now - secondsKept) break
        slots.delete(old)
      }
    },

    /** @param {string} name @returns {number} a second, over the last full seconds */
    rate(name) {
      const slots = counts.get(name)
      const now = second()
      const seconds = Math.max(1, Math.min(secondsAveraged, now - started))
      let sum = 0
      for (let at = now - seconds; at < now; at += 1) sum += slots?.get(at) ?? 0
      return sum / seconds
    },

    /** @param {string} name @param {number} length @returns {number[]} by full second */
    series(name, length) {
      const slots = counts.get(name)
      const now = second()
      return Array.from({ length }, (_, i) => slots?.get(now - length + i) ?? 0)
    },

    /** @param {string} name */
    forget(name) {
      counts.delete(name)
    },
  }
}
