/**
 * Where the log pipelines we compare with are found: installed on this machine, or unpacked aside by `--install-peers`.
 * Debian's syslog-ng and rsyslog exclude each other as packages, so at least one is always unpacked aside.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export type PeerName = 'syslog-ng' | 'rsyslog' | 'laurel'

export type PeerProgram = {
  readonly path: string
  /** Root of an unpacked package tree, '' for an installed program. */
  readonly root: string
  readonly env: Readonly<Record<string, string>>
}

/** A run of a peer: what to start, where it writes, what it remembers between runs. */
export type PeerJob = {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly output: string
  /** Where it keeps its position between runs. */
  readonly stateFolder: string
}

const BINARIES: Readonly<Record<PeerName, string>> = {
  'syslog-ng': 'usr/sbin/syslog-ng',
  rsyslog: 'usr/sbin/rsyslogd',
  laurel: 'usr/sbin/laurel',
}

/** What each needs to be complete; an unpacked tree brings its own libraries. */
const LIBRARY_FOLDERS = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu', 'usr/lib/syslog-ng']

export function findPeer(name: PeerName, asideRoot: string): PeerProgram | null {
  for (const root of ['/', asideRoot, ...unpackedRoots()]) {
    const path = join(root, BINARIES[name])
    if (!existsSync(path)) continue
    if (root === '/') return { path, root: '', env: {} }
    const libraries = LIBRARY_FOLDERS.map((folder) => join(root, folder)).join(':')
    return { path, root, env: { LD_LIBRARY_PATH: libraries } }
  }
  return null
}

/** Trees of unpacked packages that PATH points into: `…/usr/sbin` belongs to the root before it. */
function unpackedRoots(): string[] {
  const { PATH: path = '' } = process.env
  return path
    .split(':')
    .flatMap((folder) => (folder.endsWith('/usr/sbin') ? [folder.slice(0, -'usr/sbin'.length)] : []))
}

/** Writes a configuration into the work directory; returns its path. */
export function writeConfig(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}

/** A peer that remembers its position would find nothing to do in its second run. */
export function forget(job: PeerJob): void {
  rmSync(job.output, { force: true })
  rmSync(job.stateFolder, { recursive: true, force: true })
  mkdirSync(job.stateFolder, { recursive: true })
}
