/**
 * Judges where the kernel's messages go, packets of log rules among them: which file or journal, how its lines are stamped, whether the
 * daemon may read it, how it is rotated.
 */
import { type Fact, isKnown } from '../sources/hostfacts/facts.ts'
import type { Finding, Judgement } from './finding.ts'
import type { MachineFacts } from './machine-facts.ts'
import { type LogFile, type LogSample, rotationOf } from './machine-logs.ts'
import { DAEMON_USER, mayRead } from './machine-reader.ts'
import { installCommand } from './mend-commands.ts'

/** Where packets are read from on this machine. */
export type PacketSource =
  | { readonly kind: 'file'; readonly path: string; readonly file: LogFile }
  | { readonly kind: 'journal' }
  | { readonly kind: 'none' }

const KERNEL_LOGS = ['/var/log/kern.log', '/var/log/messages', '/var/log/syslog']

/**
 * The file that holds kernel lines: of those that do the first in design 8.1's order. The journal where there is none that the daemon may read.
 * A file from before the machine went over to the journal alone is told by nobody writing it: no log daemon runs.
 */
export function packetSource(facts: MachineFacts): PacketSource {
  const hasDaemon =
    !facts.seesProcesses || facts.processes.some((name) => /^(?:rsyslogd|syslog-ng|syslogd|rs:main.*)$/.test(name))
  const files = KERNEL_LOGS.flatMap((path) => {
    const file = facts.logs[path]
    return file !== undefined && isKnown(file) ? [{ kind: 'file' as const, path, file }] : []
  })
  const hasKernelLines = ({ file }: { file: LogFile }) => isKnown(file.sample) && file.sample.kernelLines > 0
  const usable = hasDaemon ? files : []
  const found = usable.find(hasKernelLines) ?? usable.find(({ path }) => path === KERNEL_LOGS[0]) ?? usable[0]
  const hasJournal = facts.journal.kept !== 'none' && facts.host.programs['journalctl'] !== ''
  if (found !== undefined && (mayRead(facts.reader, found.file) || !hasJournal)) return found
  return hasJournal ? { kind: 'journal' } : (found ?? { kind: 'none' })
}

/** `Kernel log`. */
export function judgeKernelLog(facts: MachineFacts): Judgement {
  const area = 'Kernel log'
  if (facts.wireguard.names.length === 0) return { area, wells: [], findings: [] }
  const source = packetSource(facts)
  switch (source.kind) {
    case 'none':
      return { area, wells: [], findings: [noLog(facts)] }
    case 'journal':
      return { area, wells: [journalText(facts)], findings: journalFindings(facts) }
    case 'file':
      return judgeFile(facts, source.path, source.file)
    default:
      return source satisfies never
  }
}

function noLog({ family }: MachineFacts): Finding {
  return {
    id: 'no-kernel-log',
    severity: 'missing',
    what: "Nothing keeps the kernel's messages: neither a log file nor a journal is here.",
    consequence:
      'Packets that log rules write are lost when the kernel overwrites its ring: no verdicts, no denied attempts.',
    mend: [
      installCommand(family, 'rsyslog'),
      'install -m 0644 deploy/rsyslog/30-peertrail-kern.conf /etc/rsyslog.d/ && systemctl restart rsyslog',
    ],
  }
}

function journalText({ journal, logs, reader }: MachineFacts): string {
  const unreadable = KERNEL_LOGS.find((path) => {
    const file = logs[path]
    return file !== undefined && isKnown(file) && !mayRead(reader, file)
  })
  const why =
    unreadable === undefined
      ? "no log file holds the kernel's messages"
      : `${reader.name || reader.uid} may not read ${unreadable}`
  return `read from the journal (${journal.kept}): ${why}`
}

function journalFindings({ journal, reader }: MachineFacts): Finding[] {
  const findings: Finding[] = []
  if (journal.kept === 'volatile')
    findings.push({
      id: 'journal-volatile',
      severity: 'missing',
      what: 'The journal is kept in memory only.',
      consequence: 'What was logged while the daemon was down is lost with a reboot.',
      mend: ['mkdir -p /var/log/journal && systemd-tmpfiles --create --prefix /var/log/journal', 'journalctl --flush'],
    })
  const isMember = reader.uid === 0 || journal.gids.some((gid) => reader.gids.includes(gid))
  if (!isMember)
    findings.push({
      id: 'journal-unreadable',
      severity: 'wrong',
      what: `User ${reader.name || reader.uid} may not read the journal.`,
      consequence: 'No packet of a log rule reaches peertrail: no verdicts, no denied attempts.',
      mend: [`usermod -a -G systemd-journal ${reader.name || DAEMON_USER}`],
    })
  return findings
}

function judgeFile(facts: MachineFacts, path: string, file: LogFile): Judgement {
  const { reader, rotations } = facts
  const isReadable = mayRead(reader, file)
  const rotation = rotationOf(rotations, path)
  const findings: Finding[] = []
  if (!isReadable) findings.push(unreadable(facts, path))
  if (isKnown(file.sample)) findings.push(...sampleFindings(file.sample, path))
  if (rotation?.isCopied === true)
    findings.push({
      id: 'copytruncate',
      severity: 'wrong',
      what: `${path} is rotated by copytruncate (${rotation.file}).`,
      consequence: 'Lines written between copy and cut are lost without a trace, at every rotation.',
      mend: [
        `sed -i '/copytruncate/d' ${rotation.file}`,
        '# and tell rsyslog of the new file: postrotate /usr/lib/rsyslog/rsyslog-rotate, or systemctl kill -s HUP rsyslog',
      ],
    })
  if (rotation === null)
    findings.push({
      id: 'no-rotation',
      severity: 'advice',
      what: `Nothing rotates ${path}.`,
      consequence: 'It grows until the disk is full; then nothing is logged at all.',
      mend: [`# add ${path} to the list of files in /etc/logrotate.d/rsyslog`],
    })
  return { area: 'Kernel log', wells: [fileText(path, file.sample, isReadable, reader.name)], findings }
}

function fileText(path: string, sample: Fact<LogSample>, isReadable: boolean, reader: string): string {
  const readable = isReadable ? `${reader === '' ? 'this user' : reader} may read it` : ''
  if (!isKnown(sample)) return [path, readable].filter((each) => each !== '').join(': ')
  const { kernelLines, packetLines, fullStamps, uptimes } = sample
  const kinds =
    kernelLines === 0
      ? 'no line of the kernel in it yet'
      : `${packetLines === 0 ? 'no packets yet' : 'packets in it'}, ${fullStamps === kernelLines ? 'full stamps' : 'short stamps'}${uptimes > 0 ? ', [uptime]' : ''}`
  return `${path}: ${kinds}${readable === '' ? '' : `; ${readable}`}`
}

function unreadable({ reader, family }: MachineFacts, path: string): Finding {
  const user = reader.name || DAEMON_USER
  return {
    id: 'log-unreadable',
    severity: 'wrong',
    what: `User ${user} may not read ${path}.`,
    consequence: 'No packet of a log rule reaches peertrail: no verdicts, no denied attempts.',
    mend:
      family === 'redhat'
        ? [
            'install -m 0644 deploy/rsyslog/30-peertrail-kern.conf /etc/rsyslog.d/ && systemctl restart rsyslog',
            `setfacl -m u:${user}:r /var/log/kern.log`,
          ]
        : [`usermod -a -G adm ${user}`],
  }
}

function sampleFindings({ kernelLines, fullStamps, uptimes, repeated }: LogSample, path: string): Finding[] {
  const findings: Finding[] = []
  const rsyslog = 'install -m 0644 deploy/rsyslog/30-peertrail-kern.conf /etc/rsyslog.d/ && systemctl restart rsyslog'
  if (kernelLines > 0 && fullStamps < kernelLines)
    findings.push({
      id: 'short-stamps',
      severity: 'advice',
      what: `Lines of ${path} are stamped without year, zone and fractions of a second.`,
      consequence:
        'Times are completed from their neighbours; across a change of the clock they may be off by an hour.',
      mend: [rsyslog, `# and take the line that writes ${path} out of /etc/rsyslog.conf: two writers of one file`],
    })
  if (kernelLines > 0 && uptimes === 0)
    findings.push({
      id: 'no-uptime',
      severity: 'advice',
      what: `Kernel lines of ${path} do not have the kernel's [uptime].`,
      consequence: 'Stamps cannot be refined by it, and forged or repeated lines are harder to tell.',
      mend: ['# load imklog instead of imjournal: see deploy/rsyslog/30-peertrail-kern.conf'],
    })
  if (repeated > 0)
    findings.push({
      id: 'repeated-messages',
      severity: 'wrong',
      what: `The log daemon writes "message repeated N times" into ${path}.`,
      consequence: 'The packets it stands for are only counted, not recorded.',
      mend: [rsyslog],
    })
  return findings
}
