/** Facts while they are read: one object of one shape for every event, filled record by record. */
import type { AuditFacts } from './facts.ts'

export type FactsDraft = { -readonly [Key in keyof AuditFacts]: AuditFacts[Key] }

const NONE: readonly never[] = []
const NO_NAMES: ReadonlyMap<string, string> = new Map()

/** Facts that say nothing but what the event is called. */
export function emptyFacts(type: number, typeName: string): FactsDraft {
  return {
    type,
    typeName,
    pid: -1,
    ppid: -1,
    auid: -1,
    ses: -1,
    uid: -1,
    gid: -1,
    euid: -1,
    suid: -1,
    fsuid: -1,
    egid: -1,
    sgid: -1,
    fsgid: -1,
    tty: '',
    comm: '',
    exe: '',
    subj: '',
    arch: '',
    syscall: -1,
    syscallName: '',
    isSuccess: null,
    exit: '',
    a0: '',
    a1: '',
    a2: '',
    a3: '',
    keys: NONE,
    cwd: '',
    paths: NONE,
    args: NONE,
    argsCount: 0,
    title: '',
    socket: null,
    message: null,
    netfilter: null,
    login: null,
    names: NO_NAMES,
  }
}
