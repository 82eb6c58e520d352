/**
 * A commented pipeline.yaml for this machine (design 8.3): the sources it has, why each is there, and what is missing as comments with the
 * command that mends it.
 */

import { isMachineName } from '../machine-names.ts'
import { safeText } from '../safe-text.ts'
import { isKnown } from '../sources/hostfacts/facts.ts'
import { judgeMachine } from './doctor.ts'
import { packetSource } from './doctor-kernel-log.ts'
import { logCoverage } from './doctor-log-rules.ts'
import type { Finding } from './finding.ts'
import { type MachineFacts, STATE_DIRECTORY } from './machine-facts.ts'
import { installCommand } from './mend-commands.ts'
import { wrapText } from './wrap-text.ts'

/** Characters of a line. */
const WIDTH = 118
const GIB = 1024 ** 3
/** The store's own bound (design 11), in GiB. */
const STORE_GIB = 20

/** Text of the file. */
export function draftPipeline(facts: MachineFacts): string {
  const name = machineOf(facts)
  const system = isKnown(facts.host.machine.system) ? ` (${facts.host.machine.system})` : ''
  const blocks = [
    [
      ...comment(
        `Pipeline of ${name || 'this machine'}${system}, written by \`peertrail init\` from what it found. \`peertrail check FILE\` validates it, \`peertrail doctor --pipeline FILE\` tries everything it names, docs/config.md has every setting.`,
      ),
      `name: ${JSON.stringify(name || 'gateway')}`,
    ],
    hostBlock(facts, name),
    ['sources:', ...sourceLines(facts).map((line) => (line === '' ? '' : `  ${line}`))],
    inventoryBlock(facts),
    placesBlock(facts),
    lackBlock(facts),
  ]
  return blocks
    .filter((block) => block.length > 0)
    .map((block) => block.map((line) => `${line}\n`).join(''))
    .join('\n')
}

function machineOf({ host }: MachineFacts): string {
  const { hostname } = host.machine
  return isKnown(hostname) && isMachineName(hostname) ? hostname : ''
}

/** Wrapped, and made fit for a terminal: names of interfaces may hold anything. */
function comment(text: string, width = WIDTH): string[] {
  return wrapText(text, width - 2).map((line) => `# ${line}`)
}

/** A zone is needed where stamps have none. */
function hostBlock(facts: MachineFacts, name: string): string[] {
  const source = packetSource(facts)
  const { systemd } = facts.host.clock
  const zone = isKnown(systemd) ? systemd.timezone : ''
  if (name === '' || source.kind !== 'file' || !/^[\w/+-]+$/.test(zone)) return []
  const { sample } = source.file
  if (isKnown(sample) && sample.kernelLines === sample.fullStamps && sample.kernelLines > 0) return []
  return [
    ...comment(`Stamps of ${source.path} may have neither year nor zone: they are local time.`),
    'hosts:',
    `  ${JSON.stringify(name)}: { timezone: ${zone} }`,
  ]
}

function sourceLines(facts: MachineFacts): string[] {
  const isGateway = facts.wireguard.names.length > 0
  const blocks = [
    ...(isGateway
      ? [packetLines(facts), ...groupLines(facts), rulesetLines(facts), conntrackLines(facts), wireguardLines(facts)]
      : [hostOnly()]),
    auditLines(facts),
    [
      ...comment(
        'Kernel, modules, settings, file modes: what this machine can record, and how WireGuard is kept on it.',
        WIDTH - 2,
      ),
      '- { type: hostfacts, every: 1h }',
    ],
  ]
  return blocks.flatMap((block, i) => (i === 0 ? block : ['', ...block]))
}

function hostOnly(): string[] {
  return comment(
    'No WireGuard interface is here: this machine is taken for a host behind a gateway, of which the audit log is read. On a gateway run `peertrail init` again when the interface is up.',
    WIDTH - 2,
  )
}

/** `why` as comments above `line`; without `lack` the source is there. */
function entry(why: string, line: string, lack = ''): string[] {
  const missing = lack === '' ? [] : comment(`Missing: ${lack}`, WIDTH - 2)
  return [...comment(why, WIDTH - 2), ...missing, lack === '' ? `- ${line}` : `# - ${line}`]
}

function packetLines(facts: MachineFacts): string[] {
  const source = packetSource(facts)
  const why = 'Packets that log rules wrote: who tried to reach what, and the verdict.'
  if (source.kind === 'file') {
    const { path } = source
    return entry(why, `{ type: nftables, path: ${path} }`)
  }
  const line = '{ type: nftables, command: [journalctl, -o, json, --all, -f, _TRANSPORT=kernel] }'
  if (source.kind === 'journal') return entry(`${why} From the journal, which also says who wrote a line.`, line)
  return entry(why, line, "nothing keeps the kernel's messages, neither a log file nor a journal.")
}

function groupLines(facts: MachineFacts): string[][] {
  const groups = (logCoverage(facts)?.rules ?? []).filter(({ group }) => group >= 0)
  if (groups.length === 0) return []
  const [path = '/var/log/ulog/ulogd.json'] = facts.ulogdFiles
  const isRun = facts.processes.includes('ulogd') || !facts.seesProcesses
  return [
    entry(
      'Packets of rules with `log group`, written by ulogd2 as JSON.',
      `{ type: nftables, format: ulogd, path: ${JSON.stringify(path)} }`,
      isRun ? '' : `no ulogd runs: ${installCommand(facts.family, 'ulogd')}, then deploy/ulogd/ulogd.conf.`,
    ),
  ]
}

function rulesetLines({ host, family }: MachineFacts): string[] {
  return entry(
    'The ruleset: which rule writes which prefix, and what becomes of its packets. Kept as it changes.',
    '{ type: nftables-ruleset, command: [nft, -j, -a, list, ruleset], every: 10s }',
    host.programs['nft'] === '' ? `nft is not installed: ${installCommand(family, 'nftables')}` : '',
  )
}

function conntrackLines({ host, family }: MachineFacts): string[] {
  return entry(
    'Every connection: its end, bytes, outcome, address translation. The dump shows what is still open, and finds losses.',
    '{ type: conntrack, command: [conntrack, -E, -o, "extended,id,timestamp,ktimestamp,labels", --buffer-size, "16777216"], dump: { every: 30s } }',
    host.programs['conntrack'] === '' ? `conntrack is not installed: ${installCommand(family, 'conntrack')}` : '',
  )
}

function wireguardLines({ host, family, wireguard }: MachineFacts): string[] {
  return entry(
    `Who holds which address, polled: ${wireguard.names.join(', ')}. A moment is attributed for certain only between two polls; keys other than public ones are dropped before anything else.`,
    '{ type: wireguard, command: [wg, show, all, dump], every: 1s }',
    host.programs['wg'] === '' ? `wg is not installed: ${installCommand(family, 'wireguard-tools')}` : '',
  )
}

function auditLines({ host, family, auditdConf, processes, seesProcesses }: MachineFacts): string[] {
  const path = auditdConf.get('log_file') ?? '/var/log/audit/audit.log'
  const isInstalled = host.programs['auditctl'] !== ''
  const lack = isInstalled
    ? 'auditd is not running: systemctl enable --now auditd'
    : `auditd is not installed: ${installCommand(family, 'audit')}`
  return entry(
    'What logins do on this machine, and who changed peers and rules (deploy/audit.rules).',
    `{ type: auditd, path: ${JSON.stringify(path)} }`,
    processes.includes('auditd') || (isInstalled && !seesProcesses) ? '' : `${lack}.`,
  )
}

function inventoryBlock({ ownFiles }: MachineFacts): string[] {
  const isThere = ownFiles.some((path) => path.endsWith('/inventory.yaml'))
  return [
    ...comment(
      isThere
        ? 'People, devices, resources: names for what keys prove.'
        : `Names for what keys prove. A draft comes from the first polls, once the daemon runs: \`peertrail inventory init ${STATE_DIRECTORY}/state/journals --output /etc/peertrail/inventory.yaml\`.`,
    ),
    `${isThere ? '' : '# '}inventory: ./inventory.yaml`,
  ]
}

function placesBlock({ disk }: MachineFacts): string[] {
  const freeGib = isKnown(disk) ? Math.floor(disk.freeBytes / GIB) : STORE_GIB * 2
  const most = Math.max(1, Math.min(STORE_GIB, Math.floor(freeGib / 2)))
  return [
    ...comment(
      'Cursors, journals of commands, spools. Both directories lie where the unit in deploy/systemd may write.',
    ),
    `state: { dir: ${STATE_DIRECTORY}/state }`,
    '',
    'sinks:',
    `  store: { dir: ${STATE_DIRECTORY}/store, retention: { days: 90, max_size: ${most}GiB } }`,
  ]
}

/** What `doctor` says is wrong or missing, in short. */
function lackBlock(facts: MachineFacts): string[] {
  const findings = judgeMachine(facts).flatMap(({ area, findings: found }) =>
    found.map((finding) => ({ area, finding })),
  )
  const told = findings.filter(({ finding: { severity } }) => severity !== 'advice')
  if (told.length === 0) return []
  return [
    ...comment('What this machine lacks, as `peertrail doctor` tells it in full:'),
    ...told.flatMap(({ area, finding }) => lackText(area, finding)),
  ]
}

function lackText(area: string, { severity, what, mend }: Finding): string[] {
  const [first = ''] = mend
  const how = first === '' || first.startsWith('#') ? '' : `  -> ${first.replace(/\s+#.*$/, '')}`
  return wrapText(safeText(`${area}, ${severity}: ${what}${how}`), WIDTH - 4).map(
    (line, i) => `# ${i === 0 ? '- ' : '  '}${line}`,
  )
}
