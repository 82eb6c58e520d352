/** What an audit event did to a file: whether it wrote, and whether it came to that. */
import { type Event, fieldOf } from '../../event.ts'

/** O_WRONLY, O_RDWR, O_CREAT, O_TRUNC (asm-generic/fcntl.h; the same on x86 and arm64). */
const WRITE_FLAGS = 0o1 | 0o2 | 0o100 | 0o1000
/** ECS types of what changes a file. */
const WRITES: readonly string[] = ['change', 'creation', 'deletion']

/**
 * Whether the call changes the file or opens it for that. The flags of openat2 lie in memory and are not recorded: what it opened counts
 * as read, unless it was created.
 */
export function isWriting(event: Event): boolean {
  // Evidence of a change of WireGuard has the type `change` added, which says nothing that its call does not.
  if (fieldOf(event, 'event.type')?.some((type) => WRITES.includes(type)) === true) return true
  const call = fieldOf(event, 'auditd.data.syscall')
  if (call === 'openat') return hasFlags(fieldOf(event, 'auditd.data.a2'))
  return call === 'open' && hasFlags(fieldOf(event, 'auditd.data.a1'))
}

/** It was refused, or failed. */
export function isAttempted(event: Event): boolean {
  return fieldOf(event, 'event.outcome') === 'failure'
}

function hasFlags(hex: string | undefined): boolean {
  return (Number.parseInt(hex ?? '0', 16) & WRITE_FLAGS) !== 0
}
