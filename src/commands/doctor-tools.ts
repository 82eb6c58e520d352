/** Judges versions: of the kernel and of the programs whose output is read, where an old one lacks something that documents need. */
import { isKnown } from '../sources/hostfacts/facts.ts'
import type { Finding, Judgement } from './finding.ts'
import type { MachineFacts } from './machine-facts.ts'
import { installCommand, type Needed } from './mend-commands.ts'

type Wanted = { readonly least: string; readonly why: string; readonly needed: Needed }

/** Least versions, formats.md 7. */
const LEAST: Readonly<Record<string, Wanted>> = {
  nft: { least: '0.9.1', why: '`nft -j` prints rulesets without what verdicts are read from', needed: 'nftables' },
  conntrack: {
    least: '1.4.4',
    why: 'it prints no connection ids, so connections with equal addresses are not told apart',
    needed: 'conntrack',
  },
  auditctl: { least: '3.0', why: 'rules cannot filter by saddr_fam, and local sockets flood the log', needed: 'audit' },
}
/** saddr_fam in audit rules; LOG of nftables with `[uptime]` as read. */
const KERNEL_LEAST = '5.4'

const NAMES: Readonly<Record<string, string>> = {
  wg: 'wireguard-tools',
  nft: 'nftables',
  conntrack: 'conntrack-tools',
  auditctl: 'audit',
  ulogd: 'ulogd',
  journalctl: 'systemd',
}

/** `Versions`. */
export function judgeTools({ host, versions, family }: MachineFacts): Judgement {
  const kernel = isKnown(host.kernel.release) ? host.kernel.release : ''
  const known = Object.entries(versions)
  const findings = known.flatMap(([name, version]): Finding[] => {
    const wanted = LEAST[name]
    if (wanted === undefined || !isOlder(version, wanted.least)) return []
    return [
      {
        id: 'old-program',
        severity: 'missing',
        what: `${NAMES[name] ?? name} ${version} is older than ${wanted.least}.`,
        consequence: `With it ${wanted.why}.`,
        mend: [installCommand(family, wanted.needed)],
      },
    ]
  })
  if (kernel !== '' && isOlder(kernel, KERNEL_LEAST))
    findings.push({
      id: 'old-kernel',
      severity: 'missing',
      what: `Linux ${kernel} is older than ${KERNEL_LEAST}.`,
      consequence: 'Audit rules cannot filter accepted connections by kind of address.',
      mend: ['# a newer release of the distribution'],
    })
  const told = known.map(([name, version]) => `${NAMES[name] ?? name} ${version}`)
  const all = [...(kernel === '' ? [] : [`Linux ${kernel}`]), ...told]
  return { area: 'Versions', wells: all.length === 0 ? [] : [all.join(', ')], findings }
}

/** By numbers, as far as both have them: `3.0.9` is not older than `3.0`. */
export function isOlder(version: string, least: string): boolean {
  const [own, other] = [version, least].map((text) => (/^\d+(?:\.\d+)*/.exec(text)?.[0] ?? '').split('.').map(Number))
  for (const [i, number] of (other ?? []).entries()) {
    const mine = own?.[i] ?? 0
    if (mine !== number) return mine < number
  }
  return false
}
