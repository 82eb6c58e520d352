/**
 * Lines in conntrack's output that are no text rows: XML, `-o save`, and stderr that was written into the same file.
 * `WARNING: We have hit ENOBUFS! We are losing events.`
 * `conntrack v1.4.7 (conntrack-tools): 996 flow events have been shown.`
 *
 * Authority: conntrack-tools src/conntrack.c. Only asked when a line did not parse, so speed does not matter here.
 */

export type Chatter =
  | { readonly kind: 'xml' | 'save' | 'enobufs' | 'buffer' | 'advice' | 'other' }
  /** A run of -E (`events`) or a dump by -L (`entries`) is over, and counted its lines. */
  | { readonly kind: 'shown'; readonly what: 'events' | 'entries'; readonly count: number }

/** Second and third sentence of the ENOBUFS warning, however they are broken into lines. */
const ADVICE = [
  'This message means that the current netlink socket',
  'buffer size is too small',
  'Please, check --buffer-size',
]

export function readChatter(text: string): Chatter {
  if (isXml(text)) return { kind: 'xml' }
  if (/^-[AUD] (-t \d+ )?(-u |-s )/.test(text)) return { kind: 'save' }
  // Run by a wrapper, the lines start with its name: `conntrack: WARNING: …`.
  if (text.slice(0, 64).includes('WARNING: We have hit ENOBUFS')) return { kind: 'enobufs' }
  if (text.startsWith('NOTICE: Netlink socket buffer size')) return { kind: 'buffer' }
  if (ADVICE.some((advice) => text.startsWith(advice))) return { kind: 'advice' }
  const shown =
    /^conntrack v\S{1,32} \(conntrack-tools\): (\d{1,15}) (flow events|expectation events|flow entries|expectations) have been shown\.\r?$/.exec(
      text,
    )
  if (shown === null) return { kind: 'other' }
  return { kind: 'shown', what: shown[2]?.endsWith('events') === true ? 'events' : 'entries', count: Number(shown[1]) }
}

/** `<flow type="new">…`, the root element, and with a stamp before it. */
function isXml(text: string): boolean {
  const open = text.indexOf('<')
  if (open < 0 || open > 32) return false
  const before = text.slice(0, open).trim()
  if (before !== '' && !/^\[\d+\.\d+ *\]$/.test(before)) return false
  return /^<(\?xml |\/?conntrack>|\/?expect>|flow[ >])/.test(text.slice(open, open + 16))
}
