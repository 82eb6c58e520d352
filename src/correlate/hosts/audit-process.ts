/** process.* of an audit event. */
import { hashDigits } from '../../event-id.ts'
import type { Fields } from '../../fields.ts'
import type { AuditFacts } from '../../sources/auditd/facts.ts'
import type { AuditEvent } from '../../sources/auditd/record.ts'
import { CUT_ARGS, CUT_DATA, CUT_PATH, type Cuts, KEYWORD_MAX, keyword } from './audit-text.ts'

/** Process ids remembered with their entity id, 60 bytes each; a power of two. */
const ENTITIES_MAX = 8192

/**
 * Ids of processes of login sessions: (host, node, boot, ses, pid). Audit gives no start time, so a pid used again within one session
 * keeps its id; outside of sessions, where pids are used again for weeks, there is none.
 */
export function createEntityIds(host: string): (event: AuditEvent, ses: number, pid: number) => string | undefined {
  // Of each slot its last one; keys are below 2^53, so -1 is none.
  const keys = new Float64Array(ENTITIES_MAX).fill(-1)
  const ids: string[] = Array.from({ length: ENTITIES_MAX }, () => '')
  let node = ''
  let boot = -1
  return (event, ses, pid) => {
    if (ses < 0 || pid < 0) return undefined
    if (event.node !== node || event.boot !== boot) {
      keys.fill(-1)
      node = event.node
      boot = event.boot
    }
    // pid_max is at most 2^22 (include/linux/threads.h), ses an unsigned 32 bit number: together below 2^54 and exact enough up to
    // 2^53; beyond it the ids are hashed every time.
    const key = ses * 0x400000 + pid
    if (pid >= 0x400000 || !Number.isSafeInteger(key)) return entityId(host, event, ses, pid)
    const slot = (pid ^ Math.imul(ses, 0x9e3b)) & (ENTITIES_MAX - 1)
    const known = ids[slot]
    if (known !== undefined && keys[slot] === key) return known
    const id = entityId(host, event, ses, pid)
    keys[slot] = key
    ids[slot] = id
    return id
  }
}

function entityId(host: string, event: AuditEvent, ses: number, pid: number): string {
  return hashDigits(`process\0${host}\0${event.node}\0${event.boot}\0${ses}\0${pid}`, 24)
}

/** What the kernel says of the process; where it says nothing, what a user-space message says of itself. */
export function processOf(facts: AuditFacts, entity: string | undefined, cuts: Cuts): Fields {
  const { message } = facts
  const pid = facts.pid < 0 && facts.netfilter !== null ? facts.netfilter.pid : facts.pid
  return {
    'process.pid': pid < 0 ? undefined : pid,
    'process.parent.pid': facts.ppid < 0 ? undefined : facts.ppid,
    'process.name': keyword(facts.comm || message?.comm || facts.netfilter?.comm || '', cuts, CUT_DATA),
    'process.executable': keyword(facts.exe || message?.exe || '', cuts, CUT_PATH),
    'process.working_directory': keyword(facts.cwd || message?.cwd || '', cuts, CUT_PATH),
    // Arguments are joined by NUL in PROCTITLE.
    'process.title': keyword(facts.title, cuts, CUT_DATA, ' '),
    'process.args': facts.args.length === 0 ? undefined : argumentsOf(facts, cuts),
    'process.args_count': facts.argsCount > 0 ? facts.argsCount : undefined,
    'process.entity_id': entity,
  }
}

function argumentsOf(facts: AuditFacts, cuts: Cuts): readonly string[] {
  const { args } = facts
  if (args.length < facts.argsCount) cuts.bits |= CUT_ARGS
  for (const arg of args) {
    if (arg.length > KEYWORD_MAX || arg === '' || arg.includes('\0')) {
      // An empty argument is an argument.
      return args.map((each) => keyword(each, cuts, CUT_ARGS) ?? '')
    }
  }
  return args
}
