/**
 * Takes the secrets out of `wg` text before anything else sees it (design 2.7). A dump row prints them in clear:
 *
 *   wg0 <tab> PRIVATE-KEY <tab> PUBLIC-KEY <tab> 51820 <tab> off
 *   wg0 <tab> PUBLIC-KEY <tab> PRESHARED-KEY <tab> 10.77.1.2:51479 <tab> 10.9.0.2/32 <tab> 1795345602 <tab> 420 <tab> 364 <tab> off
 *
 * Authority: wireguard-tools src/show.c, dump_print. Columns go by position, never by what they look like. A row with any
 * other number of columns may hold a secret anywhere, so nothing of it is kept, only how many columns it had.
 */

export type RedactedRow =
  | { readonly kind: 'interface' | 'peer'; readonly text: string }
  | { readonly kind: 'malformed'; readonly columns: number }

const INTERFACE_COLUMNS = 5
const PEER_COLUMNS = 9

/** What wg itself writes for people in place of a key. */
const HIDDEN = '(hidden)'
const NONE = '(none)'

/** The row with its secret column replaced by `(hidden)`, or by `(none)` where there was none. */
export function redactRow(text: string): RedactedRow {
  const end = text.endsWith('\r') ? text.length - 1 : text.length
  const tab1 = text.indexOf('\t')
  const tab2 = tab1 < 0 ? -1 : text.indexOf('\t', tab1 + 1)
  const tab3 = tab2 < 0 ? -1 : text.indexOf('\t', tab2 + 1)
  let columns = tab1 < 0 ? 1 : tab2 < 0 ? 2 : tab3 < 0 ? 3 : 4
  for (let tab = tab3; tab >= 0; columns++) {
    tab = text.indexOf('\t', tab + 1)
    if (tab < 0) break
  }
  if (columns === INTERFACE_COLUMNS) {
    return { kind: 'interface', text: `${text.slice(0, tab1)}\t${mask(text, tab1 + 1, tab2)}${text.slice(tab2, end)}` }
  }
  if (columns === PEER_COLUMNS) {
    return { kind: 'peer', text: `${text.slice(0, tab2)}\t${mask(text, tab2 + 1, tab3)}${text.slice(tab3, end)}` }
  }
  return { kind: 'malformed', columns }
}

function mask(text: string, from: number, to: number): string {
  return to - from === NONE.length && text.startsWith(NONE, from) ? NONE : HIDDEN
}

/**
 * A copy that shares no memory with the line it was cut from: V8's substrings keep their parent, and with it the secret,
 * alive for as long as they live themselves.
 */
export function detached(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

/**
 * Whether free text (a comment in a configuration file) could hold a key: 43 base64 digits make 32 bytes, 64 hex digits
 * too. Shorter runs count as well, because a key may have been cut.
 */
export function mayHoldSecret(text: string): boolean {
  return /[A-Za-z0-9+/]{24}/.test(text)
}
