/**
 * Where file systems of other machines, and those the kernel makes up, are mounted, without touching them: a look at a folder of a server
 * that is away does not come back.
 *
 *   36 35 0:50 / /srv/team\040b rw,noatime shared:3 - nfs4 server:/export rw
 *
 * Authority: proc(5), /proc/<pid>/mountinfo: the fifth field is the mount point with blanks as octal, the type stands behind ` - `.
 */
import { join } from 'node:path'
import { isKnown } from '../../sources/hostfacts/facts.ts'
import { readFact } from './read-fact.ts'

const FOREIGN =
  /^(?:nfs\d*|cifs|smb\d*|smbfs|9p|ceph|afs|glusterfs|lustre|gpfs|ocfs2|autofs|fuse(?:\.(?!(?:ntfs|ext|zfs)).*)?|proc|sysfs|cgroup2?|debugfs|tracefs|securityfs|bpf|configfs|pstore|efivarfs)$/

/** Mount points by path; none where the kernel does not say. */
export function foreignMounts(root: string): ReadonlySet<string> {
  const table = readFact(join(root, 'proc/self/mountinfo'))
  const points = new Map<string, boolean>()
  for (const line of isKnown(table) ? table.split('\n') : []) {
    const [mount = '', source = ''] = line.split(' - ', 2)
    const point = mount.split(' ')[4]
    // What is mounted last at a place hides the others.
    if (point !== undefined) points.set(unescaped(point), FOREIGN.test(source.split(' ', 1)[0] ?? ''))
  }
  return new Set([...points].flatMap(([point, isForeign]) => (isForeign ? [point] : [])))
}

/** The table is read as latin1, names are UTF-8. */
function unescaped(point: string): string {
  const bytes = point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
