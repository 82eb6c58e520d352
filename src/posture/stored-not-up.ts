/** A stored configuration whose interface does not run: everything in it is let in as soon as somebody brings it up. */
import { startInterface } from '../identity/inventory-diff-mend.ts'
import type { WireguardConf } from '../sources/wireguard/conf.ts'
import type { PostureCheck, PostureResult } from './check.ts'
import { NO_POLL, NO_STORED } from './not-known.ts'
import { isGateway } from './posture-view.ts'

export const storedNotUp: PostureCheck = {
  id: 'interface-not-up',
  title: 'Stored interface that does not run',
  description:
    'A configuration lies in /etc/wireguard and its interface is not up: it is down by mistake, or left over.',
  severity: 1,
  attack: [],
  origin: 'posture',
  area: 'Running, stored, documented',
  knownGaps: ['Whether the interface is brought up at boot is not looked at.'],
  look: (machine, view) => {
    const { wireguard, stored } = machine
    if (!isGateway(machine, view)) return []
    if (stored === null) return [{ kind: 'not-checked', reason: NO_STORED }]
    if (wireguard === null) return [{ kind: 'not-checked', reason: NO_POLL }]
    const running = new Set(wireguard.interfaces.map(({ interface: name }) => name))
    // Documented ones are told of as interface-not-running.
    const documented = view.inventory?.gateways.find(({ name }) => name === machine.host)?.interfaces ?? []
    const down = [...stored].filter(([name]) => !running.has(name) && !documented.includes(name))
    const results = down.map(([name, { file, conf }]): PostureResult => {
      const peers = `${conf.peers.length} ${conf.peers.length === 1 ? 'peer' : 'peers'}`
      return {
        kind: 'finding',
        subject: name,
        text: `${file} is stored with ${peers}, and ${name} does not run.`,
        evidence: [`${file}: ${peers}, listen port ${conf.listenPort < 0 ? 'not set' : conf.listenPort}`],
        mend: mendOf(name, file, conf),
        about: { 'wireguard.interface.name': name },
        exception: null,
      }
    })
    return results.length > 0 || stored.size === 0
      ? results
      : [{ kind: 'passed', text: 'Every stored interface runs.' }]
  },
}

/** A file with AllowedIPs of every address is a way out for the whole machine: bringing it up may cut off who is logged in. */
function mendOf(name: string, file: string, conf: WireguardConf): string[] {
  const isEverything = conf.peers.some(({ allowedIps }) => allowedIps.some((prefix) => prefix.endsWith('/0')))
  return [
    ...(isEverything ? ['# it routes all traffic of this machine into the tunnel: not from afar'] : []),
    isEverything ? `# ${startInterface(name)}` : startInterface(name),
    `# or remove ${file} where nobody needs it any more`,
  ]
}
