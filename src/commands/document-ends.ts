/**
 * Who spoke to whom, as one text: `10.8.0.2:40005 → 10.20.0.10:5432 tcp`. Where NAT changed an end, what the server's side saw
 * stands behind it: `10.8.0.2:40005 (as 192.0.2.1:6100) → 10.8.0.1:53 (at 10.20.0.53:53) udp`.
 */
import type { Fields } from '../fields.ts'

/**
 * The same ends in fewer and fewer words, the fullest first, for lines of limited width; the last one has neither port of the
 * sender nor transport.
 * Empty for documents without addresses.
 */
export function endsOf(document: Fields): string[] {
  const sender = place(document['source.ip'], document['source.port'])
  const receiver = place(document['destination.ip'], document['destination.port'])
  if (sender === '' && receiver === '') return []
  const as = aside('as', document['source.nat.ip'], document['source.nat.port'])
  const at = aside('at', document['destination.nat.ip'], document['destination.nat.port'])
  const transport = document['network.transport']
  const service = transport === undefined ? '' : ` ${transport}`
  const written = (from: string, fromSide: string, toSide: string, by = service) =>
    `${from}${fromSide}${receiver === '' ? '' : ` → ${receiver}${toSide}`}${by}`.trimStart()
  return [
    ...new Set([
      written(sender, as, at),
      written(sender, '', at),
      written(sender, '', ''),
      written(place(document['source.ip'], undefined), '', ''),
      written(place(document['source.ip'], undefined), '', '', ''),
    ]),
  ]
}

/** `10.8.0.2:40005`, `[fd08::2]:40005`, `10.8.0.2`; '' without an address. */
export function place(ip: string | undefined, port: number | undefined): string {
  if (ip === undefined) return ''
  if (port === undefined) return ip
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

function aside(word: string, ip: string | undefined, port: number | undefined): string {
  return ip === undefined ? '' : ` (${word} ${place(ip, port)})`
}
