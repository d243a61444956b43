import htm from './vendor/htm.mjs'
import { h, render } from './vendor/preact.mjs'

/** The tagged template that every view is written in. */
export const html = htm.bind(h)
export { render }
