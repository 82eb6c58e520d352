/**
 * Running against documented: one check for each kind of difference that an inventory diff knows (identity/inventory-diff.ts, which
 * words them). Ids are its kinds, so an exception in the inventory excuses both.
 */
import { DIFFERENCE_KINDS, type Difference, type DifferenceKind } from '../identity/inventory-diff.ts'
import type { MachineView, PostureCheck, PostureResult, PostureView } from './check.ts'
import { DIFFERENCE_TABLE } from './difference-kinds.ts'
import { NO_INVENTORY, NO_POLL } from './not-known.ts'
import { isGateway } from './posture-view.ts'
import { aboutPeer, rowText } from './shown-peer.ts'

export const DIFFERENCE_CHECKS: readonly PostureCheck[] = DIFFERENCE_KINDS.map(differenceCheck)

function differenceCheck(kind: DifferenceKind): PostureCheck {
  const { title, description, severity, severityOf, attack, passed, knownGaps } = DIFFERENCE_TABLE[kind]
  return {
    id: kind,
    title,
    description,
    severity,
    attack,
    origin: 'posture',
    area: 'Running, stored, documented',
    knownGaps,
    look: (machine, view) => {
      if (!isGateway(machine, view)) return []
      if (view.inventory === null) return [{ kind: 'not-checked', reason: NO_INVENTORY }]
      const found = view.differences(machine.host).filter((each) => each.kind === kind)
      if (found.length > 0) {
        return found.map((each) => toResult(each, severityOf?.(each, machine) ?? severity, machine, view))
      }
      return machine.wireguard === null
        ? [{ kind: 'not-checked', reason: NO_POLL }]
        : [{ kind: 'passed', text: passed }]
    },
  }
}

function toResult(
  difference: Difference,
  severity: 1 | 2 | 3 | 4,
  machine: MachineView,
  view: PostureView,
): PostureResult {
  const { interface: interfaceName, publicKey, prefix, peer, text } = difference
  return {
    kind: 'finding',
    subject: [interfaceName, publicKey || peer, prefix].filter((part) => part !== '').join('\0'),
    severity,
    text,
    evidence: evidenceOf(difference, machine, view),
    mend: mendOf(difference, machine),
    about: aboutPeer(machine, view, { interface: interfaceName, publicKey, prefix }),
    exception: null,
  }
}

function evidenceOf(difference: Difference, { host }: MachineView, { rowOf }: PostureView): string[] {
  const { interface: interfaceName, publicKey, documented, peer } = difference
  const row = rowOf(host, interfaceName, publicKey)
  const ofInventory = documented === '' || peer === '' ? [] : [`inventory: ${peer}, ${documented}`]
  return [...(row === null ? [] : [rowText(row)]), ...ofInventory]
}

/** The gateway's way first, then the inventory's: people decide which of both is right. */
function mendOf({ interface: interfaceName, publicKey, mend }: Difference, machine: MachineView): string[] {
  const lines: string[] = []
  if (mend.command !== '') lines.push(mend.command, ...storedNote(interfaceName, publicKey, machine))
  if (mend.inventory !== '') lines.push(`# ${lines.length > 0 ? 'or ' : ''}in the inventory: ${mend.inventory}`)
  return lines
}

function storedNote(interfaceName: string, publicKey: string, { stored }: MachineView): string[] {
  const conf = stored?.get(interfaceName)
  const peer = conf?.conf.peers.find((each) => each.publicKey === publicKey)
  if (conf === undefined || peer === undefined) return []
  return [`# and change [Peer] at line ${peer.line} of ${conf.file}, or it returns with a restart`]
}
