import { call, describeProblem, pathWith, segment } from './api.js'
import { html } from './html.js'
import { paintNow, state } from './store.js'

/** The instructions that failed to settle, with their reasons, in a dialog of its own. */

const shown = 50

export async function openFailures() {
  state.failures = []
  await loadFailures()
}

export function failuresDialog() {
  if (!state.failures) return null
  return html`
    <dialog class="failures" aria-labelledby="failures-title" ref=${showModal} onClose=${close}>
      <header>
        <h2 id="failures-title">Failed settlements</h2>
        <button type="button" onClick=${close}>Close</button>
      </header>
      <p class="said" role="status">${state.failuresReply}</p>
      ${
        state.failures.length === 0
          ? html`<p class="empty">Nothing has failed.</p>`
          : html`
            <div class="scroll">
              <table>
                <thead>
                  <tr>
                    <th scope="col">Instruction</th>
                    <th scope="col">Symbol</th>
                    <th scope="col">Reason</th>
                    <th scope="col" class="num">Attempts</th>
                    <th scope="col"><span class="sr">Act</span></th>
                  </tr>
                </thead>
                <tbody>${state.failures.map(failureRow)}</tbody>
              </table>
            </div>
          `
      }
    </dialog>
  `
}

/** @param {any} failure */
function failureRow(failure) {
  return html`
    <tr key=${failure.settlement_id}>
      <td>${failure.settlement_id}</td>
      <td>${failure.symbol}</td>
      <td class="wrap">${failure.problem ?? failure.reason ?? 'no reason given'}</td>
      <td class="num">${failure.attempts}</td>
      <td class="num">
        <button
          type="button"
          aria-label=${`Retry instruction ${failure.settlement_id}`}
          onClick=${() => retry(failure.settlement_id)}
        >
          Retry
        </button>
      </td>
    </tr>
  `
}

async function loadFailures() {
  try {
    const answer = await call('GET', pathWith('settlements', { status: 'FAILED', limit: shown }))
    if (answer.ok) state.failures = state.failures && answer.body.items
    else state.failuresReply = describeProblem(answer.problem)
  } catch {
    state.failuresReply = 'No answer from the service.'
  }
  paintNow()
}

/** @param {string} id */
async function retry(id) {
  try {
    const answer = await call('POST', `settlements/${segment(id)}/retry`)
    state.failuresReply = answer.ok
      ? `Instruction ${id} is put back.`
      : describeProblem(answer.problem)
  } catch {
    state.failuresReply = 'No answer from the service.'
  }
  await loadFailures()
}

/** @param {HTMLDialogElement | null} dialog */
function showModal(dialog) {
  if (dialog && !dialog.open) dialog.showModal()
}

function close() {
  state.failures = null
  state.failuresReply = ''
  paintNow()
}
