/**
 * Stored configurations of a machine, /etc/wireguard/<if>.conf. The files hold private keys, so they are read here and leave this
 * folder only as what conf.ts makes of them (design 2.7).
 */
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isInterfaceName } from '../../machine-names.ts'
import { parseConf, type WireguardConf } from './conf.ts'
import { publicKeyOf } from './key-traces.ts'

/** Bytes of one file: 10 000 peers have some 2 MB. */
const BYTES_MAX = 8 * 1024 * 1024
/** Files read; a machine has a few tunnels. */
const FILES_MAX = 256
const FOLDER = '/etc/wireguard'

export type StoredConfFile = {
  readonly file: string
  readonly interface: string
  /** That belongs to its private key; '' = it has none. */
  readonly publicKey: string
  readonly conf: WireguardConf
}

/**
 * By name. `problem`: why it is not known what is stored; a file that cannot be read makes all of it unknown. What wg-quick could not
 * load either (a folder, a named pipe, a link to nowhere) is no configuration.
 */
export function readStoredConfs(root: string): StoredConfFile[] | { readonly problem: string } {
  try {
    const names = readdirSync(join(root, FOLDER))
      .filter((name) => name.endsWith('.conf') && isInterfaceName(name.slice(0, -'.conf'.length)))
      .sort()
    if (names.length > FILES_MAX) return { problem: `more than ${FILES_MAX} files in ${FOLDER}` }
    return names.filter((name) => isLoadable(join(root, FOLDER, name))).map((name) => readConf(root, name))
  } catch (error) {
    return { problem: problemOf(error) }
  }
}

function isLoadable(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true
  } catch (error) {
    // Links that lead to themselves. What may not be seen is for the caller.
    if (error instanceof Error && 'code' in error && error.code === 'ELOOP') return false
    throw error
  }
}

function readConf(root: string, name: string): StoredConfFile {
  const text = readText(join(root, FOLDER, name))
  return {
    file: `${FOLDER}/${name}`,
    interface: name.slice(0, -'.conf'.length),
    publicKey: ownPublicKey(text),
    conf: parseConf(text),
  }
}

/** The private key is turned into its public one here, where it may be, and forgotten. As wg does, white space is passed over. */
function ownPublicKey(text: string): string {
  const [, key = ''] = /^\s*privatekey\s*=\s*([A-Za-z0-9+/]{43}=)\s*(?:#.*)?$/im.exec(text) ?? []
  return key === '' ? '' : publicKeyOf(key)
}

/** Latin1 text. Follows links: wg-quick does too. A named pipe is not waited for. */
function readText(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile()) throw new Error('not a file')
    if (stats.size > BYTES_MAX) throw new Error(`larger than ${BYTES_MAX} bytes`)
    const bytes = Buffer.alloc(stats.size)
    let length = 0
    while (length < bytes.length) {
      const read = readSync(fd, bytes, length, bytes.length - length, null)
      if (read === 0) break
      length += read
    }
    return bytes.toString('latin1', 0, length)
  } finally {
    closeSync(fd)
  }
}

/** Fixed words and codes only: nothing of a file's text gets into a message. */
function problemOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code === 'ENOENT') return 'no such directory'
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  return code === '' && error instanceof Error ? `${FOLDER}: ${error.message}` : code
}
