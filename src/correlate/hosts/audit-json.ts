/**
 * The hand-ordered JSON of `wireguard.audit` documents, from their sections; held equal to the general printer by
 * test/correlate/hosts/audit-json.test.ts. Ids, addresses and the words of tables are safe as they are; all else is quoted.
 */
import { quote } from '../../event-json.ts'
import type { Fields } from '../../fields.ts'
import type { AuditDocument } from './audit-documents.ts'

/** Tops that take members of the identity facet beside their own; all others of it are printed as they are. */
const SHARED_TOPS: ReadonlySet<string> = new Set(['process', 'wireguard'])

/** Prints the documents of createAuditDocuments, without LF. */
export function createAuditPrinter(iso: (at: number) => string): (document: AuditDocument) => string {
  return ({ sections, facets }) => {
    const [header, place, identity] = facets
    const { event, file, network, rare } = sections
    const shared = identity?.members
    let text = `{"@timestamp":"${iso(event['@timestamp'] ?? 0)}","event":{"id":"${event['event.id']}","sequence":${event['event.sequence']}`
    text += `,"original":${quote(event['event.original'] ?? '')},${header?.members.get('event')}}`
    text += `,"host":{${place?.members.get('host')}}`
    text += group('process', printProcess(sections.process) + after(shared?.get('process')))
    text += group('user', printUser(sections.user)) + group('group', printGroup(sections.user))
    if (file !== null) text += group('file', printFile(file))
    if (network !== null) text += printNetwork(network)
    text += printRelated(sections.related)
    text += group('wireguard', after(header?.members.get('wireguard')) + after(shared?.get('wireguard')))
    for (const [top, members] of shared ?? []) if (!SHARED_TOPS.has(top)) text += `,"${top}":{${members}}`
    text += `,"auditd":{${header?.members.get('auditd')}${after(place?.members.get('auditd'))}`
    if (event['auditd.session'] !== undefined) text += `,"session":"${event['auditd.session']}"`
    text += group('data', printData(sections.data) + (rare === null ? '' : printRare(rare)))
    text += printAccounts(sections.user) + group('summary', printSummary(sections.summary))
    if (file?.['auditd.paths'] !== undefined) text += `,"paths":${list(file['auditd.paths'])}`
    return `${text}${printMarks(event)}}`
  }
}

function after(members: string | undefined): string {
  return members === undefined ? '' : `,${members}`
}

/** Members, each with a comma before it, as an object with a comma before it; nothing for none. */
function group(name: string, members: string): string {
  return members === '' ? '' : `,"${name}":{${members.slice(1)}}`
}

function list(values: readonly string[]): string {
  let text = ''
  for (const value of values) text += text === '' ? quote(value) : `,${quote(value)}`
  return `[${text}]`
}

function word(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${quote(value)}`
}

function number(name: string, value: number | undefined): string {
  return value === undefined ? '' : `,"${name}":${value}`
}

/** An account or group: id is a number's digits. */
function named(id: string | undefined, name: string | undefined): string {
  return (id === undefined ? '' : `,"id":"${id}"`) + word('name', name)
}

function printProcess(own: Fields): string {
  const parent = own['process.parent.pid']
  return (
    number('pid', own['process.pid']) +
    (parent === undefined ? '' : `,"parent":{"pid":${parent}}`) +
    word('name', own['process.name']) +
    word('executable', own['process.executable']) +
    word('working_directory', own['process.working_directory']) +
    word('title', own['process.title']) +
    (own['process.args'] === undefined ? '' : `,"args":${list(own['process.args'])}`) +
    number('args_count', own['process.args_count']) +
    (own['process.entity_id'] === undefined ? '' : `,"entity_id":"${own['process.entity_id']}"`)
  )
}

function printUser(own: Fields): string {
  const effective =
    named(own['user.effective.id'], own['user.effective.name']) +
    group('group', named(own['user.effective.group.id'], own['user.effective.group.name']))
  return (
    named(own['user.id'], own['user.name']) +
    group('effective', effective) +
    group('group', named(own['user.group.id'], own['user.group.name'])) +
    group('target', named(own['user.target.id'], own['user.target.name']))
  )
}

function printGroup(own: Fields): string {
  return named(own['group.id'], own['group.name'])
}

/** auditd.user. */
function printAccounts(own: Fields): string {
  const saved =
    named(own['auditd.user.saved.id'], own['auditd.user.saved.name']) +
    group('group', named(own['auditd.user.saved.group.id'], own['auditd.user.saved.group.name']))
  const filesystem =
    named(own['auditd.user.filesystem.id'], own['auditd.user.filesystem.name']) +
    group('group', named(own['auditd.user.filesystem.group.id'], own['auditd.user.filesystem.group.name']))
  return group(
    'user',
    group('audit', named(own['auditd.user.audit.id'], own['auditd.user.audit.name'])) +
      group('saved', saved) +
      group('filesystem', filesystem) +
      group('old_auid', named(own['auditd.user.old_auid.id'], undefined)),
  )
}

function printFile(own: Fields): string {
  return (
    word('path', own['file.path']) +
    word('name', own['file.name']) +
    word('inode', own['file.inode']) +
    word('device', own['file.device']) +
    word('mode', own['file.mode']) +
    word('uid', own['file.uid']) +
    word('owner', own['file.owner']) +
    word('gid', own['file.gid'])
  )
}

function printNetwork(own: Fields): string {
  const source = word('address', own['source.address']) + end(own['source.ip'], own['source.port'])
  return (
    group('source', source) +
    group('destination', end(own['destination.ip'], own['destination.port'])) +
    group('server', end(own['server.ip'], own['server.port'])) +
    group('network', word('direction', own['network.direction']) + word('type', own['network.type']))
  )
}

/** Addresses are canonical: safe as they are. */
function end(ip: string | undefined, port: number | undefined): string {
  return (ip === undefined ? '' : `,"ip":"${ip}"`) + number('port', port)
}

function printRelated(own: Fields): string {
  const users = own['related.user']
  const addresses = own['related.ip']
  let text = `,"related":{"hosts":${list(own['related.hosts'] ?? [])}`
  if (users !== undefined) text += `,"user":${list(users)}`
  if (addresses !== undefined) text += `,"ip":${list(addresses)}`
  return `${text}}`
}

function printData(own: Fields): string {
  const socket =
    word('family', own['auditd.data.socket.family']) +
    word('addr', own['auditd.data.socket.addr']) +
    number('port', own['auditd.data.socket.port']) +
    word('path', own['auditd.data.socket.path'])
  return (
    word('arch', own['auditd.data.arch']) +
    word('syscall', own['auditd.data.syscall']) +
    word('exit', own['auditd.data.exit']) +
    word('a0', own['auditd.data.a0']) +
    word('a1', own['auditd.data.a1']) +
    word('a2', own['auditd.data.a2']) +
    word('a3', own['auditd.data.a3']) +
    word('tty', own['auditd.data.tty']) +
    word('subj', own['auditd.data.subj']) +
    word('op', own['auditd.data.op']) +
    group('socket', socket)
  )
}

function printRare(own: Fields): string {
  return (
    word('acct', own['auditd.data.acct']) +
    word('addr', own['auditd.data.addr']) +
    word('cmd', own['auditd.data.cmd']) +
    word('fp', own['auditd.data.fp']) +
    word('grantors', own['auditd.data.grantors']) +
    word('hostname', own['auditd.data.hostname']) +
    word('id', own['auditd.data.id']) +
    word('laddr', own['auditd.data.laddr']) +
    number('lport', own['auditd.data.lport']) +
    number('rport', own['auditd.data.rport']) +
    word('terminal', own['auditd.data.terminal']) +
    word('unit', own['auditd.data.unit']) +
    word('table', own['auditd.data.table']) +
    word('family', own['auditd.data.family']) +
    number('entries', own['auditd.data.entries']) +
    word('old_ses', own['auditd.data.old_ses'])
  )
}

function printSummary(own: Fields): string {
  const actor =
    word('primary', own['auditd.summary.actor.primary']) + word('secondary', own['auditd.summary.actor.secondary'])
  const object =
    word('type', own['auditd.summary.object.type']) +
    word('primary', own['auditd.summary.object.primary']) +
    word('secondary', own['auditd.summary.object.secondary'])
  return group('actor', actor) + group('object', object) + word('how', own['auditd.summary.how'])
}

/** The end of `auditd` and what stands beside it. */
function printMarks(own: Fields): string {
  const keys = own['auditd.key']
  const cut = own['auditd.cut']
  let text = keys === undefined ? '' : `,"key":${list(keys)}`
  if (own['auditd.incomplete'] !== undefined) text += `,"incomplete":${own['auditd.incomplete']}`
  text += number('dropped', own['auditd.dropped'])
  if (cut !== undefined) text += `,"cut":${list(cut)}`
  text += '}'
  if (own.tags !== undefined) text += `,"tags":${list(own.tags)}`
  return text + group('error', word('type', own['error.type']) + word('message', own['error.message']))
}
