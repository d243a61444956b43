/**
 * What the random sequences are made of, in one place. A feature that is off makes none of its
 * commands; a sequence that meets one by chance is compared up to there.
 */
export const features = {
  // Orders
  market: true,
  immediateOrCancel: true,
  fillOrKill: true,
  repeats: true,
  goodTillTime: false,
  deadlines: false,
  asynchronous: false,
  // Changes
  cancels: true,
  amendments: true,
  amendedTimes: false,
  conditionalCancels: false,
  massCancels: true,
  atomicBatches: true,
  // What an order may say
  selfTradeModes: false,
  tradeGroups: false,
  postOnly: false,
  slide: false,
  icebergs: false,
  quoteSized: false,
  protectionRests: false,
  collar: false,
  // Orders that wait
  stops: false,
  takeProfits: false,
  triggerImmediately: false,
  trailing: false,
  activation: false,
  limitOffset: false,
  oco: false,
  oto: false,
  // The market
  halts: true,
  maintenance: false,
  delisting: false,
  phases: false,
  auctions: false,
  bands: false,
}
export type Features = typeof features
export type Feature = keyof Features

/**
 * What the model notes when a sequence comes to where the rules are not settled, or where the
 * database does not do yet what they say. It is compared up to there, unless this says that the two
 * agree by now.
 */
export const settledNotes: Readonly<Record<string, boolean>> = {
  'traded with its own': false,
  'new but decremented': false,
  'stopped before it rests': false,
  'iceberg amended': false,
  'amended market order': false,
  'changed when rejected': false,
  'killed by its own': false,
  'amended when ended': false,
  'named too early': false,
  'repeated and rolled back': false,
  'quote-sized met its own': false,
  'amended in a list': false,
  'amended post-only': false,
}
