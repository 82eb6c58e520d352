/** Documents of a run against the truth of its made world. */
import { type Event, flatten } from '../../../src/event.ts'
import type { Fields } from '../../../src/fields.ts'
import type { Simulation } from './host-simulator.ts'
import type { Truth } from './world-truth.ts'

export type Judged = {
  /** Claims that are not true. */
  readonly wrong: readonly string[]
  /** Documents of a login of a peer, straight from its gateway, that are not exact. */
  readonly open: readonly string[]
  /** Documents of logins of peers. */
  readonly sessions: number
  /** Of them: exact ones. */
  readonly exact: number
}

/** Audit documents and login events. What a message claims that nothing proves (`forged`) is the sender's word, and not judged. */
export function judge(simulation: Simulation, events: readonly Event[]): Judged {
  const wrong: string[] = []
  const open: string[] = []
  let sessions = 0
  let exact = 0
  for (const fields of events.filter(({ dataset }) => dataset === 'wireguard.audit').map(flatten)) {
    const at = fields['@timestamp'] ?? 0
    const truth = simulation.truthOf(fields['host.name'] ?? '', at, fields['event.sequence'] ?? 0)
    const key = fields['wireguard.peer.public_key'] ?? null
    const isExact = fields['wireguard.attribution.status'] === 'exact'
    if (isExact && truth?.kind !== 'forged' && key !== (truth?.key ?? null)) wrong.push(textOf(fields, truth))
    if (!isExact && key !== null) wrong.push(`${textOf(fields, truth)}: names a key`)
    if (truth?.kind !== 'session' || truth.key === null) continue
    sessions++
    if (isExact) exact++
    else if (!truth.isHop) open.push(textOf(fields, truth))
  }
  return { wrong, open, sessions, exact }
}

function textOf(fields: Fields, truth: Truth | undefined): string {
  const time = new Date((fields['@timestamp'] ?? 0) / 1000).toISOString().slice(11, 23)
  const says = [
    fields['wireguard.attribution.method'],
    fields['wireguard.attribution.reason'],
    fields['wireguard.peer.public_key'],
  ]
  const what = [
    fields['auditd.message_type'],
    fields['process.pid'],
    `ses ${fields['auditd.session']}`,
    fields['source.ip'],
  ]
  const parts = [
    fields['host.name'],
    time,
    fields['event.sequence'],
    ...what,
    '>',
    ...says,
    '<',
    truth?.kind,
    truth?.key,
  ]
  return parts
    .filter((part) => part !== undefined)
    .join(' ')
    .replaceAll('x'.repeat(40), '')
}
