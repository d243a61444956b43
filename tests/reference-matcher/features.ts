export type Feature =
  | 'market'
  | 'immediateOrCancel'
  | 'fillOrKill'
  | 'repeats'
  | 'goodTillTime'
  | 'deadlines'
  | 'asynchronous'
  | 'cancels'
  | 'amendments'
  | 'amendedTimes'
  | 'conditionalCancels'
  | 'massCancels'
  | 'atomicBatches'
  | 'selfTradeModes'
  | 'tradeGroups'
  | 'postOnly'
  | 'slide'
  | 'icebergs'
  | 'quoteSized'
  | 'protectionRests'
  | 'collar'
  | 'stops'
  | 'takeProfits'
  | 'triggerImmediately'
  | 'trailing'
  | 'activation'
  | 'limitOffset'
  | 'oco'
  | 'oto'
  | 'halts'
  | 'maintenance'
  | 'delisting'
  | 'phases'
  | 'auctions'
  | 'bands'
  | 'fees'
export type Features = Record<Feature, boolean>

/**
 * What the random sequences are made of, in one place. A feature that is off makes none of its
 * commands; a sequence that meets one by chance is compared up to there.
 */
export const features: Features = {
  // Orders
  market: true,
  immediateOrCancel: true,
  fillOrKill: true,
  repeats: true,
  goodTillTime: true,
  deadlines: true,
  asynchronous: true,
  // Changes
  cancels: true,
  amendments: true,
  amendedTimes: true,
  conditionalCancels: true,
  massCancels: true,
  atomicBatches: true,
  // What an order may say
  selfTradeModes: true,
  tradeGroups: true,
  postOnly: true,
  slide: true,
  icebergs: true,
  quoteSized: true,
  protectionRests: true,
  collar: true,
  // Orders that wait
  stops: true,
  takeProfits: true,
  triggerImmediately: true,
  trailing: true,
  activation: true,
  limitOffset: true,
  oco: true,
  oto: true,
  // The market
  halts: true,
  maintenance: true,
  delisting: true,
  phases: true,
  auctions: true,
  bands: true,
  fees: true,
}

/**
 * A part of what is on, half of it: a sequence that can do everything does too little of each. One
 * time in four it is all.
 */
export function choose(on: Features, random: () => number): Features {
  if (random() < 0.25) return on
  const chosen = { ...on }
  for (const name of featureNames) chosen[name] = on[name] && random() < 0.5
  return chosen
}

const featureNames = Object.keys(features).filter(isFeature)

function isFeature(name: string): name is Feature {
  return name in features
}

/**
 * What the model notes when a sequence comes to where the rules are not settled, or where the
 * database does not do yet what they say. It is compared up to there, unless this says that the two
 * agree by now.
 */
export const settledNotes: Readonly<Record<string, boolean>> = {
  'traded with its own': true,
  'amended market order': true,
  'killed by its own': true,
  'amended post-only': true,
}
