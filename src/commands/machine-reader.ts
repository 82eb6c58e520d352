/**
 * Who reads the logs, and whether file modes let him. The daemon runs as a user of its own (deploy/systemd): what root can read, where
 * `doctor` mostly runs, says nothing about that. Access lists (setfacl) are not looked at.
 */
import { join } from 'node:path'
import { readFact } from '../live/hostfacts/read-fact.ts'
import { type Fact, isKnown } from '../sources/hostfacts/facts.ts'
import type { LogFile, Permissions } from './machine-logs.ts'

export type Reader = {
  /** '' when the user has no name. */
  readonly name: string
  readonly uid: number
  readonly gids: readonly number[]
  /** Names of the groups, for people. */
  readonly groups: readonly string[]
  /** False for the daemon's user as it will be, where the machine does not have it yet. */
  readonly isThere: boolean
}

/** As deploy/systemd/peertrail.sysusers.conf names it, and the groups it gives it. */
export const DAEMON_USER = 'peertrail'
const DAEMON_GROUPS = ['adm', 'systemd-journal']
/** A user that owns nothing: ids are 32 bits, and this one means "none" (setresuid(2)). */
const NOBODY = 0xffff_ffff

/** The daemon's user by /etc/passwd and /etc/group; as deploy/systemd would make it where it is not there. */
export function daemonReader(root: string): Reader {
  const groups = rows(readFact(join(root, 'etc/group')))
  const user = rows(readFact(join(root, 'etc/passwd'))).find(([name]) => name === DAEMON_USER)
  const [, , id = String(NOBODY), gid = String(NOBODY)] = user ?? []
  const own = groups.filter(([name = '', , each, members = '']) =>
    user === undefined ? DAEMON_GROUPS.includes(name) : each === gid || members.split(',').includes(DAEMON_USER),
  )
  return {
    name: DAEMON_USER,
    uid: Number(id),
    gids: [...new Set([Number(gid), ...own.map(([, , each]) => Number(each))])],
    groups: own.map(([each = '']) => each),
    isThere: user !== undefined,
  }
}

/** Whether modes and owners let `reader` read the file and walk to it. */
export function mayRead(reader: Reader, file: LogFile): boolean {
  if (reader.uid === 0) return true
  return allows(reader, file, 4) && file.directories.every((directory) => allows(reader, directory, 1))
}

/** `bit`: 4 read, 1 walk through. The first class that fits decides, as in the kernel (generic_permission). */
function allows(reader: Reader, { mode, uid, gid }: Permissions, bit: number): boolean {
  const shift = uid === reader.uid ? 6 : reader.gids.includes(gid) ? 3 : 0
  return ((mode >> shift) & bit) !== 0
}

function rows(text: Fact<string>): string[][] {
  return isKnown(text) ? text.split('\n').map((line) => line.split(':')) : []
}
