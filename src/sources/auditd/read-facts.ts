/**
 * What the records of an audit event say, as one object of one shape; total: any bytes give facts.
 *
 * The event has the type of its naming record (naming-record.ts). Who did it (pid, auid, ses, uid, …) is read from the SYSCALL
 * record where there is one, because the kernel wrote every word of it; else from the kernel's part of the naming record.
 * Of records that should be there once, the first counts. An order of records is not assumed (formats.md 3.8, trap 13).
 */
import { canonicalAddress } from '../../address.ts'
import { type PathKind, readAuditPath, readPathKind } from './audit-path.ts'
import { decodedText, decodedTitle } from './encoding.ts'
import { enrichedNames } from './enriched-names.ts'
import { readArguments } from './execve.ts'
import type { AuditFacts, AuditPath } from './facts.ts'
import { emptyFacts, type FactsDraft } from './facts-draft.ts'
import { firstValue, kernelPartEnd } from './kernel-fields.ts'
import { readLoginChange } from './login-change.ts'
import { isCompanion, isWrittenByUser, namingRecord, TYPE_CWD, TYPE_LOGIN, TYPE_PATH } from './naming-record.ts'
import { readNetfilterChange } from './netfilter-change.ts'
import { createRecentValues } from './recent-values.ts'
import type { AuditEvent, AuditRecord } from './record.ts'
import { TYPE_EXECVE, TYPE_NETFILTER_CFG, TYPE_PROCTITLE, TYPE_SOCKADDR, TYPE_SYSCALL } from './record-type.ts'
import { socketAddress } from './socket-address.ts'
import { readIds, readProgram, readSyscall, type TaskReaders } from './syscall-fields.ts'
import { syscallName } from './syscall-name.ts'
import { readFields, readSender, SYSCALL_FIELDS, TASK_FIELDS, USER_FIELDS } from './task-fields.ts'
import { readUserMessage } from './user-message.ts'

/** Paths kept of one event, in records; a rename has four. */
export const PATHS_MAX = 128
/** Slots of each memory of a reader: more than a busy machine has programs and users at a time. */
const RECENT_SLOTS = 1024

/** What a reader remembers between events, to save work; no fact depends on it. */
type Memory = {
  readonly titleOf: (value: string) => string
  readonly task: TaskReaders
  readonly pathKindOf: (text: string) => PathKind | null
  readonly canonical: (text: string) => string | null
  /** Names for fields of a SYSCALL record. */
  readonly syscallNames: (enriched: string) => ReadonlyMap<string, string>
  /** Names for what the kernel says of a message's sender. */
  readonly senderNames: (enriched: string) => ReadonlyMap<string, string>
  /** Names for whatever auditd found. */
  readonly allNames: (enriched: string) => ReadonlyMap<string, string>
}

/** A function that reads events; it keeps a bounded memory of texts it decoded, so make one and use it for all. */
export function createFactsReader(): (event: AuditEvent) => AuditFacts {
  const memory: Memory = {
    titleOf: createRecentValues(RECENT_SLOTS, decodedTitle),
    task: {
      idsOf: createRecentValues(RECENT_SLOTS, readIds),
      programOf: createRecentValues(RECENT_SLOTS, readProgram),
    },
    pathKindOf: createRecentValues(RECENT_SLOTS, readPathKind),
    canonical: createRecentValues(RECENT_SLOTS, canonicalAddress),
    syscallNames: createRecentValues(RECENT_SLOTS, (enriched) =>
      enrichedNames(enriched, (key) => SYSCALL_FIELDS.has(key)),
    ),
    senderNames: createRecentValues(RECENT_SLOTS, (enriched) => enrichedNames(enriched, (key) => USER_FIELDS.has(key))),
    allNames: createRecentValues(RECENT_SLOTS, (enriched) => enrichedNames(enriched, () => true)),
  }
  return ({ records }) => readRecords(records, memory)
}

function readRecords(records: readonly AuditRecord[], memory: Memory): AuditFacts {
  const naming = namingRecord(records)
  const facts = emptyFacts(naming?.type ?? -1, naming?.name ?? '')
  const syscall = naming?.type === TYPE_SYSCALL ? naming : callAmong(records)
  if (syscall !== undefined) readCall(facts, syscall, memory)
  if (naming !== undefined && !isCompanion(naming.type)) readNaming(facts, naming, syscall !== undefined, memory)
  readCompanions(facts, records, memory)
  return facts
}

function callAmong(records: readonly AuditRecord[]): AuditRecord | undefined {
  for (const record of records) if (record.type === TYPE_SYSCALL) return record
  return undefined
}

function readCall(facts: FactsDraft, { body, enriched }: AuditRecord, memory: Memory): void {
  const isInOrder = readSyscall(facts, body, memory.task)
  facts.syscallName = syscallName(facts.arch, facts.syscall, facts.a0)
  if (enriched === '') return
  // In the kernel's order all fields are there.
  const names = memory.syscallNames(enriched)
  facts.names = isInOrder ? names : namesIn(names, body, body.length)
}

/** `hasCall`: the SYSCALL record has said who did it and how it ended. */
function readNaming(facts: FactsDraft, { type, body, enriched }: AuditRecord, hasCall: boolean, memory: Memory): void {
  if (type === TYPE_LOGIN) facts.login = readLoginChange(body)
  if (type === TYPE_NETFILTER_CFG) {
    facts.netfilter = readNetfilterChange(body)
    if (!hasCall && facts.netfilter !== null) {
      facts.pid = facts.netfilter.pid
      facts.comm = facts.netfilter.comm
    }
    return
  }
  const isMessage = isWrittenByUser(type)
  if (isMessage) facts.message = readUserMessage(body)
  if (hasCall) return
  const end = isMessage ? kernelPartEnd(body) : body.length
  const isInOrder = isMessage && readSender(facts, body, end)
  if (!isInOrder) readFields(facts, body, end, isMessage ? USER_FIELDS : TASK_FIELDS)
  if (facts.message !== null) facts.isSuccess = messageSucceeded(facts.message.res)
  // A message that holds a 0x1D of its own has moved the place where auditd looked for the fields to resolve.
  if (enriched === '' || body.includes('\x1d')) return
  const names = isInOrder ? memory.senderNames(enriched) : memory.allNames(enriched)
  // In the kernel's order only the label may be absent.
  facts.names = isInOrder && !names.has('subj') ? names : namesIn(names, body, end)
}

/** libaudit knows two words; `res=1` is a kernel's, and in a message somebody else's. */
function messageSucceeded(res: string): boolean | null {
  if (res === 'success') return true
  return res === 'failed' ? false : null
}

/** Those of the names whose field stands in the kernel's part of the same record. */
function namesIn(names: ReadonlyMap<string, string>, body: string, end: number): ReadonlyMap<string, string> {
  for (const key of names.keys()) {
    if (firstValue(body, key, end) === '')
      return new Map([...names].filter(([each]) => firstValue(body, each, end) !== ''))
  }
  return names
}

function readCompanions(facts: FactsDraft, records: readonly AuditRecord[], memory: Memory): void {
  let paths: AuditPath[] | undefined
  let execves: string[] | undefined
  for (const { type, body } of records) {
    switch (type) {
      case TYPE_PATH:
        paths ??= []
        if (paths.length < PATHS_MAX) paths.push(readAuditPath(body, memory.pathKindOf))
        break
      case TYPE_EXECVE:
        execves ??= []
        execves.push(body)
        break
      case TYPE_CWD:
        if (facts.cwd === '') facts.cwd = decodedText(firstValue(body, 'cwd'))
        break
      case TYPE_PROCTITLE:
        if (facts.title === '') facts.title = memory.titleOf(firstValue(body, 'proctitle'))
        break
      case TYPE_SOCKADDR:
        facts.socket ??= socketAddress(firstValue(body, 'saddr'), facts.arch, memory.canonical)
        break
      default:
    }
  }
  if (paths !== undefined) facts.paths = paths
  if (execves !== undefined) {
    const { args, argsCount } = readArguments(execves)
    facts.args = args
    facts.argsCount = argsCount
  }
}
