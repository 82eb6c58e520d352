/**
 * The hand-ordered JSON of `wireguard.audit` documents as bytes, from their sections; held equal to the general printer by
 * test/correlate/hosts/audit-json.test.ts.
 */
import { decodeBytes, quote } from '../../event-json.ts'
import type { Fields } from '../../fields.ts'
import { putNumber, putText } from '../ascii-bytes.ts'
import type { PrintedAccounts } from './audit-accounts.ts'
import type { AuditDocument, AuditSections } from './audit-documents.ts'
import { ORIGINAL_MAX } from './audit-text.ts'
import { close, end, endWord, list, named, number, word } from './json-members.ts'

/** Writes the document and LF into `block` at `at`; returns the new end, or -1 when it may not fit. */
export type AuditWriter = (document: AuditDocument, block: Buffer, at: number) => number

/** Names, punctuation, ids, addresses and numbers of a document at their widest. */
const FRAME_BYTES_MAX = 8192
/** JSON writes one byte of a record as six at most: `\\u001b`. */
const ESCAPED_BYTES_MAX = 6
/** How often a text of the records stands in a document, event.original aside: an account name stands in seven fields. */
const REPEATS_MAX = 8

/** Tops that take members of the identity facet beside their own; all others of it are written as they are. */
const SHARED_TOPS: ReadonlySet<string> = new Set(['process', 'wireguard'])

/** A writer for the documents of createAuditDocuments. */
export function createAuditWriter(iso: (at: number) => string): AuditWriter {
  return (document, block, start) => {
    if (start + bytesMax(document) > block.length) return -1
    const { sections, facets, records, accounts } = document
    const [header, place, identity] = facets
    const { event } = sections
    const shared = identity?.members
    let at = putText(block, start, '{"@timestamp":"')
    at = putText(block, at, iso(event['@timestamp'] ?? 0))
    at = putText(block, at, '","event":{"id":"')
    at = putText(block, at, event['event.id'] ?? '')
    if (!Number.isNaN(document.created)) at = putText(block, at, `","created":"${iso(document.created)}`)
    at = putNumber(block, putText(block, at, '","sequence":'), event['event.sequence'] ?? 0)
    at = putOriginal(block, putText(block, at, ',"original":"'), records)
    at = putMembers(block, at, header?.members.get('event'))
    at = close(block, at)
    at = close(block, putMembers(block, putText(block, at, '"host":{'), place?.members.get('host')))
    at = putEntities(block, at, sections, accounts, shared?.get('process'))
    at = putRelated(block, at, sections.related)
    const wireguard = at + '"wireguard":{'.length
    at = putMembers(block, putText(block, at, '"wireguard":{'), header?.members.get('wireguard'))
    at = end(block, putMembers(block, at, shared?.get('wireguard')), wireguard, '"wireguard":{')
    if (shared !== undefined) {
      for (const [top, members] of shared) {
        if (!SHARED_TOPS.has(top)) at = close(block, putMembers(block, putText(block, at, `"${top}":{`), members))
      }
    }
    at = putMembers(block, putText(block, at, '"auditd":{'), header?.members.get('auditd'))
    at = putMembers(block, at, place?.members.get('auditd'))
    at = putAuditd(block, at, sections, accounts)
    // The brace of the document takes the place of the last comma.
    block[at - 1] = BRACE
    block[at++] = LF
    return at
  }
}

const LF = 10
const COMMA = 44
const BACKSLASH = 92
const SMALL_N = 110
const BRACE = 125

/** All texts are pieces of the records, except what stands in facets and in related; each path also has the working directory. */
function bytesMax({ sections, facets, records }: AuditDocument): number {
  let length = records.length
  for (const { raw } of records) length += raw.length
  let shared = 0
  for (const { members } of facets) for (const text of members.values()) shared += text.length + 32
  let texts = 0
  for (const name of sections.related['related.user'] ?? []) texts += name.length + 1
  for (const name of sections.related['related.hosts'] ?? []) texts += name.length + 1
  for (const address of sections.related['related.ip'] ?? []) texts += address.length + 1
  for (const path of sections.file?.['auditd.paths'] ?? []) texts += 4 * path.length + 1
  return shared + FRAME_BYTES_MAX + ESCAPED_BYTES_MAX * (texts + (REPEATS_MAX + 1) * length)
}

/** Members as a facet printed them. */
function putMembers(block: Buffer, at: number, members: string | undefined): number {
  if (members === undefined || members === '') return at
  const next = putText(block, at, members)
  block[next] = COMMA
  return next + 1
}

/**
 * Lines of records as one JSON string, its opening quote written already. The runtime escapes a line three times as fast as a loop
 * over its bytes here. What is no plain ASCII goes the general way.
 */
function putOriginal(block: Buffer, start: number, records: AuditDocument['records']): number {
  if (records.length === 0) return endWord(block, start)
  // Where the next line's opening quote comes to lie.
  let at = start - 1
  let left = ORIGINAL_MAX
  for (let i = 0; i < records.length && left > 0; i++) {
    const raw = records[i]?.raw ?? ''
    if (i > 0) left--
    const text = JSON.stringify(raw.length > left ? raw.slice(0, left) : raw)
    left -= raw.length
    const bytes = block.write(text, at, 'utf8')
    // In UTF-8 whatever is no ASCII takes more than a byte; DEL is the one other character that JSON leaves and quote escapes.
    if (bytes !== text.length || text.includes('\x7f')) return putWhole(block, start, records)
    if (i > 0) {
      block[at - 1] = BACKSLASH
      block[at] = SMALL_N
    }
    at += bytes
  }
  block[at] = COMMA
  return at + 1
}

/** Bytes above ASCII may be characters of UTF-8 over the ends of records. */
function putWhole(block: Buffer, start: number, records: AuditDocument['records']): number {
  const joined = records
    .map(({ raw }) => raw)
    .join('\n')
    .slice(0, ORIGINAL_MAX)
  const at = putText(block, start, quote(decodeBytes(joined)).slice(1))
  block[at] = COMMA
  return at + 1
}

/** Process, accounts, file, ends of a connection. */
function putEntities(
  block: Buffer,
  start: number,
  { process, user, file, network }: AuditSections,
  accounts: PrintedAccounts | null,
  shared: string | undefined,
): number {
  const members = start + '"process":{'.length
  let at = putProcess(block, putText(block, start, '"process":{'), process)
  at = end(block, putMembers(block, at, shared), members, '"process":{')
  at = accounts === null ? putUser(block, at, user) : putText(block, at, accounts.document)
  if (file !== null) at = putFile(block, at, file)
  return network === null ? at : putNetwork(block, at, network)
}

function putProcess(block: Buffer, start: number, own: Fields): number {
  let at = number(block, start, '"pid":', own['process.pid'])
  const parent = own['process.parent.pid']
  if (parent !== undefined) at = close(block, number(block, at, '"parent":{"pid":', parent))
  at = word(block, at, '"name":"', own['process.name'])
  at = word(block, at, '"executable":"', own['process.executable'])
  at = word(block, at, '"working_directory":"', own['process.working_directory'])
  at = word(block, at, '"title":"', own['process.title'])
  at = list(block, at, '"args":[', own['process.args'])
  at = number(block, at, '"args_count":', own['process.args_count'])
  return word(block, at, '"entity_id":"', own['process.entity_id'])
}

/** user and group. */
function putUser(block: Buffer, start: number, own: Fields): number {
  const first = start + '"user":{'.length
  let at = word(block, putText(block, start, '"user":{'), '"id":"', own['user.id'])
  at = word(block, at, '"name":"', own['user.name'])
  const effective = at + '"effective":{'.length
  at = word(block, putText(block, at, '"effective":{'), '"id":"', own['user.effective.id'])
  at = word(block, at, '"name":"', own['user.effective.name'])
  at = named(block, at, '"group":{', own['user.effective.group.id'], own['user.effective.group.name'])
  at = end(block, at, effective, '"effective":{')
  at = named(block, at, '"group":{', own['user.group.id'], own['user.group.name'])
  at = named(block, at, '"target":{', own['user.target.id'], own['user.target.name'])
  at = end(block, at, first, '"user":{')
  return named(block, at, '"group":{', own['group.id'], own['group.name'])
}

function putFile(block: Buffer, start: number, own: Fields): number {
  const first = start + '"file":{'.length
  let at = word(block, putText(block, start, '"file":{'), '"path":"', own['file.path'])
  at = word(block, at, '"name":"', own['file.name'])
  at = word(block, at, '"inode":"', own['file.inode'])
  at = word(block, at, '"device":"', own['file.device'])
  at = word(block, at, '"mode":"', own['file.mode'])
  at = word(block, at, '"uid":"', own['file.uid'])
  at = word(block, at, '"owner":"', own['file.owner'])
  at = word(block, at, '"gid":"', own['file.gid'])
  return end(block, at, first, '"file":{')
}

function putNetwork(block: Buffer, start: number, own: Fields): number {
  const source = start + '"source":{'.length
  let at = word(block, putText(block, start, '"source":{'), '"address":"', own['source.address'])
  at = word(block, at, '"ip":"', own['source.ip'])
  at = end(block, number(block, at, '"port":', own['source.port']), source, '"source":{')
  const destination = own['destination.ip']
  if (destination !== undefined) {
    at = word(block, at, '"destination":{"ip":"', destination)
    at = close(block, number(block, at, '"port":', own['destination.port']))
  }
  const server = own['server.ip']
  if (server !== undefined) {
    at = word(block, at, '"server":{"ip":"', server)
    at = close(block, number(block, at, '"port":', own['server.port']))
  }
  const network = at + '"network":{'.length
  at = word(block, putText(block, at, '"network":{'), '"direction":"', own['network.direction'])
  return end(block, word(block, at, '"type":"', own['network.type']), network, '"network":{')
}

function putRelated(block: Buffer, start: number, own: Fields): number {
  const at = list(block, putText(block, start, '"related":{'), '"hosts":[', own['related.hosts'])
  return close(block, list(block, list(block, at, '"user":[', own['related.user']), '"ip":[', own['related.ip']))
}

/** The rest of `auditd`, its end, and what stands beside it. */
function putAuditd(
  block: Buffer,
  start: number,
  { event, user, data, rare, summary, file }: AuditSections,
  accounts: PrintedAccounts | null,
): number {
  let at = word(block, start, '"session":"', event['auditd.session'])
  const first = at + '"data":{'.length
  at = putData(block, putText(block, at, '"data":{'), data)
  if (rare !== null) at = putRare(block, at, rare)
  at = end(block, at, first, '"data":{')
  at = accounts === null ? putAccounts(block, at, user) : putText(block, at, accounts.auditd)
  at = putSummary(block, at, summary)
  if (file !== null) at = list(block, at, '"paths":[', file['auditd.paths'])
  at = list(block, at, '"key":[', event['auditd.key'])
  if (event['auditd.incomplete'] !== undefined) at = putText(block, at, '"incomplete":true,')
  at = number(block, at, '"dropped":', event['auditd.dropped'])
  at = close(block, list(block, at, '"cut":[', event['auditd.cut']))
  at = list(block, at, '"tags":[', event.tags)
  const fault = event['error.type']
  if (fault === undefined) return at
  return close(block, word(block, word(block, at, '"error":{"type":"', fault), '"message":"', event['error.message']))
}

function putData(block: Buffer, start: number, own: Fields): number {
  let at = word(block, start, '"arch":"', own['auditd.data.arch'])
  at = word(block, at, '"syscall":"', own['auditd.data.syscall'])
  at = word(block, at, '"exit":"', own['auditd.data.exit'])
  at = word(block, at, '"a0":"', own['auditd.data.a0'])
  at = word(block, at, '"a1":"', own['auditd.data.a1'])
  at = word(block, at, '"a2":"', own['auditd.data.a2'])
  at = word(block, at, '"a3":"', own['auditd.data.a3'])
  at = word(block, at, '"tty":"', own['auditd.data.tty'])
  at = word(block, at, '"subj":"', own['auditd.data.subj'])
  at = word(block, at, '"op":"', own['auditd.data.op'])
  const family = own['auditd.data.socket.family']
  if (family === undefined) return at
  at = word(block, at, '"socket":{"family":"', family)
  at = word(block, at, '"addr":"', own['auditd.data.socket.addr'])
  at = number(block, at, '"port":', own['auditd.data.socket.port'])
  return close(block, word(block, at, '"path":"', own['auditd.data.socket.path']))
}

function putRare(block: Buffer, start: number, own: Fields): number {
  let at = word(block, start, '"acct":"', own['auditd.data.acct'])
  at = word(block, at, '"addr":"', own['auditd.data.addr'])
  at = word(block, at, '"cmd":"', own['auditd.data.cmd'])
  at = word(block, at, '"fp":"', own['auditd.data.fp'])
  at = word(block, at, '"grantors":"', own['auditd.data.grantors'])
  at = word(block, at, '"hostname":"', own['auditd.data.hostname'])
  at = word(block, at, '"id":"', own['auditd.data.id'])
  at = word(block, at, '"laddr":"', own['auditd.data.laddr'])
  at = number(block, at, '"lport":', own['auditd.data.lport'])
  at = number(block, at, '"rport":', own['auditd.data.rport'])
  at = word(block, at, '"terminal":"', own['auditd.data.terminal'])
  at = word(block, at, '"unit":"', own['auditd.data.unit'])
  at = word(block, at, '"table":"', own['auditd.data.table'])
  at = word(block, at, '"family":"', own['auditd.data.family'])
  at = number(block, at, '"entries":', own['auditd.data.entries'])
  return word(block, at, '"old_ses":"', own['auditd.data.old_ses'])
}

/** auditd.user. */
function putAccounts(block: Buffer, start: number, own: Fields): number {
  const first = start + '"user":{'.length
  let at = putText(block, start, '"user":{')
  at = named(block, at, '"audit":{', own['auditd.user.audit.id'], own['auditd.user.audit.name'])
  const saved = at + '"saved":{'.length
  at = word(block, putText(block, at, '"saved":{'), '"id":"', own['auditd.user.saved.id'])
  at = word(block, at, '"name":"', own['auditd.user.saved.name'])
  at = named(block, at, '"group":{', own['auditd.user.saved.group.id'], own['auditd.user.saved.group.name'])
  at = end(block, at, saved, '"saved":{')
  const filesystem = at + '"filesystem":{'.length
  at = word(block, putText(block, at, '"filesystem":{'), '"id":"', own['auditd.user.filesystem.id'])
  at = word(block, at, '"name":"', own['auditd.user.filesystem.name'])
  at = named(block, at, '"group":{', own['auditd.user.filesystem.group.id'], own['auditd.user.filesystem.group.name'])
  at = end(block, at, filesystem, '"filesystem":{')
  at = named(block, at, '"old_auid":{', own['auditd.user.old_auid.id'], undefined)
  return end(block, at, first, '"user":{')
}

function putSummary(block: Buffer, start: number, own: Fields): number {
  const first = start + '"summary":{'.length
  const actor = first + '"actor":{'.length
  let at = word(
    block,
    putText(block, start, '"summary":{"actor":{'),
    '"primary":"',
    own['auditd.summary.actor.primary'],
  )
  at = end(block, word(block, at, '"secondary":"', own['auditd.summary.actor.secondary']), actor, '"actor":{')
  const object = at + '"object":{'.length
  at = word(block, putText(block, at, '"object":{'), '"type":"', own['auditd.summary.object.type'])
  at = word(block, at, '"primary":"', own['auditd.summary.object.primary'])
  at = end(block, word(block, at, '"secondary":"', own['auditd.summary.object.secondary']), object, '"object":{')
  return end(block, word(block, at, '"how":"', own['auditd.summary.how']), first, '"summary":{')
}
