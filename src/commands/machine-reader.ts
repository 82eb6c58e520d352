/**
 * Who reads the logs, and whether file modes let him. The daemon runs as a user of its own (deploy/systemd): what root can read, where
 * `doctor` mostly runs, says nothing about that. Access lists (setfacl) are not looked at.
 */
import { join } from 'node:path'
import { type Fact, isKnown } from '../live/fact-shapes.ts'
import { readFact } from '../live/read-fact.ts'
import type { LogFile, Permissions } from './machine-logs.ts'

export type Reader = {
  /** '' when the user has no name. */
  readonly name: string
  readonly uid: number
  readonly gids: readonly number[]
  /** Names of the groups, for people. */
  readonly groups: readonly string[]
}

/** As deploy/systemd/peertrail.sysusers.conf names it. */
export const DAEMON_USER = 'peertrail'

/** The daemon's user where /etc/passwd has it, else the user of this process. */
export function readerOf(root: string, uid: number): Reader {
  const users = rows(readFact(join(root, 'etc/passwd')))
  const user = users.find(([name]) => name === DAEMON_USER) ?? users.find(([, , id]) => Number(id) === uid)
  const groups = rows(readFact(join(root, 'etc/group')))
  const [name = '', , id = String(uid), gid = String(uid)] = user ?? []
  const own = groups.filter(
    ([, , each, members = '']) => each === gid || (name !== '' && members.split(',').includes(name)),
  )
  return {
    name,
    uid: Number(id),
    gids: [...new Set([Number(gid), ...own.map(([, , each]) => Number(each))])],
    groups: own.map(([each = '']) => each),
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
