/** Judges WireGuard itself: are there interfaces, and may the daemon ask for their peers? Without polls there is no attribution at all. */
import { isKnown } from '../sources/hostfacts/facts.ts'
import { type Finding, type Judgement, listText } from './finding.ts'
import type { MachineFacts } from './machine-facts.ts'
import { installCommand } from './mend-commands.ts'
import { counted } from './terminal.ts'

/** Interfaces told of one by one. */
const TOLD_MAX = 20

/** `WireGuard`. */
export function judgeWireguard(facts: MachineFacts): Judgement {
  const { wireguard } = facts
  const { names, peers } = wireguard
  const findings = [...toolFindings(facts), ...downFindings(facts)]
  if (names.length === 0 && findings.length === 0)
    findings.push({
      id: 'no-interface',
      severity: 'advice',
      what: 'No WireGuard interface is here: this machine was looked at as a host behind a gateway.',
      consequence:
        'On a gateway nothing could be attributed. A host needs none; its audit log says what logins of peers did.',
      mend: ['# on a gateway: wg-quick up wg0, then peertrail doctor again'],
    })
  if (!isKnown(peers) && facts.host.programs['wg'] !== '' && names.length > 0)
    findings.push(unreadable(facts, peers.problem))
  const wells = isKnown(peers)
    ? names.slice(0, TOLD_MAX).map((name) => interfaceText(wireguard, name, peers[name] ?? 0))
    : []
  const more = names.length - wells.length
  return {
    area: 'WireGuard',
    wells: wells.length > 0 && more > 0 ? [...wells, `and ${more} more interfaces`] : wells,
    findings,
  }
}

function interfaceText({ ports }: MachineFacts['wireguard'], name: string, peers: number): string {
  const port = isKnown(ports) ? ports[name] : undefined
  return `${name}: ${counted(peers, 'peer')}${port === undefined ? '' : `, port ${port}`}`
}

function toolFindings({ host, family, wireguard }: MachineFacts): Finding[] {
  if (host.programs['wg'] !== '' || (wireguard.names.length === 0 && !isConfigured(wireguard))) return []
  return [
    {
      id: 'no-wg',
      severity: 'missing',
      what: 'The program wg is not installed.',
      consequence: 'Who held which address is read from `wg show all dump`: without it nothing is attributed.',
      mend: [installCommand(family, 'wireguard-tools')],
    },
  ]
}

function isConfigured({ configured }: MachineFacts['wireguard']): boolean {
  return isKnown(configured) && configured.length > 0
}

/** Configured, and not there. */
function downFindings({ wireguard: { configured, names } }: MachineFacts): Finding[] {
  const down = isKnown(configured) ? configured.filter((name) => !names.includes(name)) : []
  if (down.length === 0) return []
  return [
    {
      id: 'interface-down',
      severity: 'missing',
      what: `${listText(down)}: configured in /etc/wireguard, and not up.`,
      consequence:
        'An interface that is not there has no peers, and what was to be recorded on it is not looked at here.',
      mend: down.map((name) => `wg-quick up ${name}`),
    },
  ]
}

function unreadable({ isNetAdmin }: MachineFacts, problem: string): Finding {
  if (!isNetAdmin)
    return {
      id: 'wg-unseen',
      severity: 'unseen',
      what: 'The peers could not be looked at: that takes CAP_NET_ADMIN.',
      consequence: 'The daemon needs the same right; deploy/systemd/peertrail.service gives it that one and no other.',
      mend: ['sudo peertrail doctor'],
    }
  return {
    id: 'wg-fails',
    severity: 'missing',
    what: `wg does not tell the peers: ${problem}`,
    consequence: 'Without polls of `wg show all dump` nothing is attributed.',
    mend: ['wg show all allowed-ips'],
  }
}
