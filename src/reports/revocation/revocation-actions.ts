/** What is still to be done so that a key's access ends, or its end can be proved: commands as words, for whoever quotes them. */
import { toIso } from '../../time.ts'
import type { JudgedGateway, RevocationReport } from './revocation.ts'

export type Action = {
  /** '' = wherever the report is made. */
  readonly gateway: string
  readonly why: string
  /** The command's words, not quoted; null = it is done by hand. */
  readonly words: readonly string[] | null
}

/** In the order in which they are done. */
export function actionsOf(report: RevocationReport): Action[] {
  const { gateways, facts } = report
  return [
    ...gateways.flatMap((gateway) => removeAction(gateway, facts.publicKey)),
    ...gateways.flatMap((gateway) => storedActions(gateway, report)),
    ...gateways.flatMap((gateway) => entryActions(gateway, report)),
    ...askAgain(report),
  ]
}

function removeAction(gateway: JudgedGateway, publicKey: string): Action[] {
  const running = gateway.appearances.filter(({ until }) => until === null).map((each) => each.interface)
  // Nobody knows what runs where nobody looked: removing what is not there does no harm.
  const isUnknown = gateway.polls === null || gateway.polls.last === null
  const names = running.length > 0 ? [...new Set(running)] : isUnknown ? gateway.interfaces.slice(0, 1) : []
  return names.map((name) => ({
    gateway: gateway.gateway,
    why: running.length > 0 ? 'end the access that runs' : 'end the access there, if there is any',
    words: ['wg', 'set', name, 'peer', publicKey, 'remove'],
  }))
}

function storedActions(
  { gateway, stored, appearances, interfaces }: JudgedGateway,
  { facts }: RevocationReport,
): Action[] {
  const holding = stored.filter(({ holdsKey }) => holdsKey)
  if (holding.length > 0)
    return holding.map(({ file, line, interface: name }) => ({
      gateway,
      why: `delete the [Peer] section of line ${line} in ${file}, or the key is back with the next start of ${name}`,
      words: ['sed', '-n', `${line},+5p`, file],
    }))
  if (stored.length > 0) return []
  // Where the key never ran it may be stored all the same, but there nothing points at it.
  if (appearances.length === 0 && facts.gateways.some((each) => each.appearances.length > 0)) return []
  const name = appearances.at(-1)?.interface ?? interfaces[0] ?? 'wg0'
  return [
    {
      gateway,
      why: `look into the stored configuration, delete the [Peer] section that holds the key, and hand the file to this report with --conf ${plainWord(gateway, 'GATEWAY')}=FILE (wg-quick save ${plainWord(name, 'INTERFACE')} instead stores all that runs)`,
      words: ['grep', '-rnF', '--', facts.publicKey, '/etc/wireguard'],
    },
  ]
}

/** Entries of conntrack outlive the key; a gateway forwards what comes back through them to whoever has the address then. */
function entryActions(gateway: JudgedGateway, { facts, ended }: RevocationReport): Action[] {
  const open = facts.flows.told.filter((flow) => flow.gateway === gateway.gateway && flow.end === null)
  if (ended !== null && open.length === 0) return []
  const last = gateway.removal ?? gateway.appearances.at(-1)
  const hosts = (last?.allowedIps ?? []).flatMap(ownAddresses)
  const isReached = open.some(({ role }) => role === 'destination')
  const sides = isReached ? ['-s', '-d'] : ['-s']
  return hosts.flatMap((address) =>
    sides.map((side) => ({
      gateway: gateway.gateway,
      why: 'drop the connection entries that stand; if the address is another peer’s by now, its connections go with them',
      words: ['conntrack', '-D', ...(address.includes(':') ? ['-f', 'ipv6'] : []), side, address],
    })),
  )
}

function askAgain({ provedUntil, facts, verdict, ended }: RevocationReport): Action[] {
  if (verdict === 'proved') return []
  const command = ['peertrail', 'report', 'revocation', '--peer', facts.publicKey]
  if (provedUntil === null)
    return [
      {
        gateway: '',
        why: ended === null ? 'then ask again' : 'ask again once every gateway was looked at without a hole',
        words: command,
      },
    ]
  return [
    {
      gateway: '',
      why: 'up to the first hole it is proved',
      words: [...command, '--until', toIso(provedUntil)],
    },
  ]
}

/** `10.8.0.7/32` as the address, the network of a site as it is. All addresses of a family are everybody's. */
function ownAddresses(prefix: string): string[] {
  const [address = '', length] = prefix.split('/')
  if (length === '0') return []
  return [length === (address.includes(':') ? '128' : '32') ? address : prefix]
}

/** Inside a sentence a name stands only where a shell reads it as one word. */
function plainWord(name: string, otherwise: string): string {
  return /^[\w.][\w.-]*$/.test(name) ? name : otherwise
}
