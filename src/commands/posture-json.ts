/** Posture for programs: flat lists, ids that last. */
import { SEVERITY_NAMES } from '../finding-document.ts'
import type { Inventory } from '../identity/inventory.ts'
import type { MachineView } from '../posture/check.ts'
import { type CheckOutcome, severityOf } from '../posture/run-checks.ts'
import { type Micros, toIso } from '../time.ts'
import { printJson } from './ascii-json.ts'

export type PosturePage = {
  /** Not yet fit for a terminal. */
  readonly place: string
  readonly inventory: Inventory | null
  /** By name. */
  readonly machines: readonly MachineView[]
  readonly outcomes: readonly CheckOutcome[]
}

/**
 * One object: `{place, inventory, machines: [{name, at, poll, peers}], findings: [{id, subject, machine, area, title, severity, text,
 * evidence, mend, fields, exception}], passed: [{id, machine, area, text}], not_checked: [{id, machine, area, title, reason}]}`. ASCII.
 */
export function postureJson({ place, inventory, machines, outcomes }: PosturePage): string {
  const findings: object[] = []
  const passed: object[] = []
  const notChecked: object[] = []
  for (const { host, check, results } of outcomes) {
    const { id, area, title } = check
    for (const result of results) {
      if (result.kind === 'passed') passed.push({ id, machine: host, area, text: result.text })
      else if (result.kind === 'not-checked') notChecked.push({ id, machine: host, area, title, reason: result.reason })
      else {
        const { subject, text, evidence, mend, about, exception } = result
        const severity = SEVERITY_NAMES[severityOf(result, check)]
        findings.push({
          id,
          // NUL is for machines that split it; a blank stands in no key, prefix or interface.
          subject: subject.replaceAll('\0', ' '),
          machine: host,
          area,
          title,
          severity,
          text,
          evidence,
          mend,
          fields: withDates(about),
          exception:
            exception === null
              ? null
              : { reason: exception.reason, approved_by: exception.approvedBy, until: dated(exception.until) },
        })
      }
    }
  }
  return printJson({
    place,
    inventory: inventory === null ? null : inventory.hash,
    machines: machines.map(({ host, at, wireguard }) => ({
      name: host,
      at: toIso(at),
      poll: wireguard === null ? null : toIso(wireguard.at),
      peers: wireguard?.peers.length ?? null,
    })),
    findings,
    passed,
    not_checked: notChecked,
  })
}

function withDates(about: object): object {
  const handshake = 'wireguard.peer.last_handshake'
  return Object.fromEntries(
    Object.entries(about).map(([name, value]) => [
      name,
      name === handshake && typeof value === 'number' ? toIso(value) : value,
    ]),
  )
}

function dated(at: Micros | null): string | null {
  return at === null ? null : toIso(at)
}
