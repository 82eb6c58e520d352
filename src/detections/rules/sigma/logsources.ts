/**
 * Which of our documents a log source of Sigma is, and what its fields are called here (Sigma's taxonomy appendix). A field that is
 * not in these lists is refused by name: a condition that is left out makes another rule.
 */
import type { FieldName } from '../../../fields.ts'
import type { Translate } from './values.ts'

export type SigmaField = {
  readonly to: FieldName
  readonly translate?: Translate
  /** What differs, one sentence, for the comment above the rule. */
  readonly remark?: string
}

export type LogSource = {
  /** As it is named in messages. */
  readonly name: string
  /** The documents it is, in our query language. */
  readonly query: string
  /** By Sigma's name of the field. */
  readonly fields: Readonly<Record<string, SigmaField>>
  /** Fields that are known and cannot be asked here, with the reason. */
  readonly refused: Readonly<Record<string, string>>
  readonly groupBy: FieldName
}

const TITLE_REMARK = 'CommandLine is process.title here: its first 128 bytes, as the process shows them.'

const PROCESS: Readonly<Record<string, SigmaField>> = {
  Image: { to: 'process.executable' },
  CommandLine: { to: 'process.title', remark: TITLE_REMARK },
  ProcessId: { to: 'process.pid' },
  ParentProcessId: { to: 'process.parent.pid' },
  CurrentDirectory: { to: 'process.working_directory' },
  User: { to: 'user.name' },
  Computer: { to: 'host.name' },
}

const NO_PARENT = 'documents hold the number of the parent process alone'

const ADDRESSES: Readonly<Record<string, SigmaField>> = {
  SourceIp: { to: 'source.ip' },
  SourcePort: { to: 'source.port' },
  DestinationIp: { to: 'destination.ip' },
  DestinationPort: { to: 'destination.port' },
  src_ip: { to: 'source.ip' },
  src_port: { to: 'source.port' },
  dst_ip: { to: 'destination.ip' },
  dst_port: { to: 'destination.port' },
  Protocol: { to: 'network.transport', translate: lower },
  protocol: { to: 'network.transport', translate: lower },
}

const PROCESS_CREATION: LogSource = {
  name: 'process_creation on linux',
  query: 'event.dataset : "wireguard.audit" and event.action : "executed"',
  fields: PROCESS,
  refused: { ParentImage: NO_PARENT, ParentCommandLine: NO_PARENT, ParentUser: NO_PARENT },
  groupBy: 'host.name',
}

const FILE_EVENT: LogSource = {
  name: 'file_event on linux',
  query: 'event.dataset : "wireguard.audit" and event.category : "file" and event.type : ("creation" or "change")',
  fields: { ...PROCESS, TargetFilename: { to: 'file.path' } },
  refused: {},
  groupBy: 'host.name',
}

const CONNECTION: LogSource = {
  name: 'network_connection',
  query: 'event.dataset : "wireguard.flow" and event.action : "flow-started"',
  fields: ADDRESSES,
  refused: {
    DestinationHostname: 'documents hold addresses, no names',
    SourceHostname: 'documents hold addresses, no names',
  },
  groupBy: 'source.ip',
}

/** What a host itself tells of its connections: only there a process is named. */
const HOST_CONNECTION: LogSource = {
  ...CONNECTION,
  name: 'network_connection on linux',
  query:
    'event.dataset : "wireguard.audit" and event.action : ("connected-to" or "accepted-connection-from") and (source.ip : * or destination.ip : *)',
  fields: {
    ...ADDRESSES,
    ...PROCESS,
    Initiated: {
      to: 'event.action',
      translate: from(new Map([...words('connected-to', 'true'), ...words('accepted-connection-from', 'false')])),
    },
  },
  groupBy: 'host.name',
}

const ALLOWED = words('accepted', 'accept accepted allow allowed permit pass forward')
const DENIED = ['deny', 'denied', 'block', 'blocked'].map((word) => [word, ['dropped', 'rejected']] as const)
const VERDICTS: ReadonlyMap<string, readonly string[]> = new Map([
  ...ALLOWED,
  ...DENIED,
  ...words('dropped', 'drop dropped'),
  ...words('rejected', 'reject rejected'),
])

const FIREWALL: LogSource = {
  name: 'firewall',
  query: 'event.dataset : "wireguard.firewall"',
  fields: { ...ADDRESSES, action: { to: 'wireguard.flow.verdict', translate: from(VERDICTS) } },
  refused: {},
  groupBy: 'source.ip',
}

/** Records that are parts of one event here, which has the type of the call. */
const PARTS = new Set(['syscall', 'path', 'cwd', 'proctitle', 'sockaddr', 'execve'])
const NO_PLACE = 'arguments have no fixed place here: process.args holds all of them'

const AUDITD: LogSource = {
  name: 'auditd on linux',
  query: 'event.dataset : "wireguard.audit"',
  fields: {
    type: {
      to: 'auditd.message_type',
      translate: (value) => [PARTS.has(value.toLowerCase()) ? 'syscall' : value.toLowerCase()],
      remark: 'Records of one event are one document here, of the type of the call.',
    },
    comm: { to: 'process.name' },
    exe: { to: 'process.executable' },
    proctitle: { to: 'process.title', remark: 'proctitle is process.title here: its first 128 bytes, decoded.' },
    cwd: { to: 'process.working_directory' },
    pid: { to: 'process.pid' },
    ppid: { to: 'process.parent.pid' },
    uid: { to: 'user.id' },
    auid: { to: 'auditd.user.audit.id' },
    key: { to: 'tags' },
    name: { to: 'auditd.paths' },
    syscall: { to: 'auditd.data.syscall' },
    SYSCALL: { to: 'auditd.data.syscall' },
    cmd: { to: 'auditd.data.cmd' },
    addr: { to: 'source.ip' },
    node: { to: 'host.name' },
    success: { to: 'auditd.result', translate: from(new Map([...words('success', 'yes'), ...words('fail', 'no')])) },
    res: {
      to: 'auditd.result',
      translate: from(new Map([...words('success', 'success'), ...words('fail', 'failed')])),
    },
  },
  refused: Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`a${i}`, NO_PLACE])),
  groupBy: 'host.name',
}

/** All that are known, for messages. */
export const LOG_SOURCES = [PROCESS_CREATION, FILE_EVENT, CONNECTION, FIREWALL, AUDITD]
  .map(({ name }) => name)
  .join(', ')

/** '' = not given. `fields`: names the rule asks for. Null for what is none of ours. */
export function logSourceOf(
  { product, category, service }: { readonly product: string; readonly category: string; readonly service: string },
  fields: readonly string[],
): LogSource | null {
  if (product !== '' && product !== 'linux') return null
  if (service !== '') return service === 'auditd' && category === '' ? AUDITD : null
  switch (category) {
    case 'process_creation':
      return PROCESS_CREATION
    case 'file_event':
      return FILE_EVENT
    case 'firewall':
      return FIREWALL
    case 'network_connection':
      return fields.some((name) => !Object.hasOwn(ADDRESSES, name)) ? HOST_CONNECTION : CONNECTION
    default:
      return null
  }
}

function lower(value: string): readonly string[] {
  return [value.toLowerCase()]
}

function from(known: ReadonlyMap<string, readonly string[]>): Translate {
  return (value) => known.get(value.toLowerCase()) ?? []
}

/** Each of the words means `value`. */
function words(value: string, all: string): (readonly [string, readonly string[]])[] {
  return all.split(' ').map((word) => [word, [value]])
}
