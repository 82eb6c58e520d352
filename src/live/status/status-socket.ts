/**
 * The Unix socket by which a running daemon is asked. Its path goes through `/proc/self/fd/N` of the opened directory: a socket's
 * path has at most 108 bytes (unix(7)), a state directory may have more.
 */
import { closeSync, constants, lstatSync, openSync, unlinkSync } from 'node:fs'
import type { Server } from 'node:http'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { AppError } from '../../errors.ts'
import { safeText } from '../../safe-text.ts'
import { problemOf } from '../hostfacts/read-fact.ts'

export const SOCKET_NAME = 'status.sock'
/** Whoever is in the group of the state directory may ask; nobody else. */
const SOCKET_MODE = 0o660

export type OpenedDirectory = {
  /** Short enough for the kernel, whatever the directory is called. Valid until `close`. */
  readonly socketPath: string
  close(): void
}

/** Throws what the file system says (ENOENT, EACCES). */
export function openDirectory(dir: string): OpenedDirectory {
  const fd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY)
  return { socketPath: `/proc/self/fd/${fd}/${SOCKET_NAME}`, close: () => closeSync(fd) }
}

/**
 * Lets `server` listen at `<dir>/status.sock`; resolves with what closes the directory after the server. The socket that a killed
 * daemon left is removed, that of a living one never. Throws AppError `state-locked` or `cannot-write`.
 */
export async function listenAtSocket(server: Server, dir: string): Promise<() => void> {
  const shown = safeText(join(dir, SOCKET_NAME))
  const refused = (cause: unknown) =>
    new AppError('cannot-write', `cannot make the socket ${shown}: ${problemOf(cause)}`, {
      advice: 'Check that the state directory exists and belongs to the user the daemon runs as.',
    })
  let directory: OpenedDirectory
  try {
    directory = openDirectory(dir)
  } catch (cause) {
    throw refused(cause)
  }
  try {
    await removeStale(directory.socketPath, shown)
    await listen(server, directory.socketPath)
    return () => directory.close()
  } catch (cause) {
    directory.close()
    throw cause instanceof AppError ? cause : refused(cause)
  }
}

/** Between two daemons of one directory the lock of the state file decides, so nobody else binds meanwhile. */
async function removeStale(path: string, shown: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket())
    throw new AppError('cannot-write', `${shown} is there and no socket`, { advice: 'Move it away.' })
  if (!(await isRefused(path)))
    throw new AppError('state-locked', `a running daemon answers at ${shown}`, {
      advice: '`peertrail status` asks it. Two daemons need two state directories (state.dir in pipeline.yaml).',
    })
  unlinkSync(path)
}

/** Only a refusal proves that nobody listens: a daemon with a full queue, or one of another user, gives other errors. */
function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(path)
    connection.on('connect', () => {
      connection.destroy()
      resolve(false)
    })
    connection.on('error', (error) => resolve('code' in error && error.code === 'ECONNREFUSED'))
  })
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      resolve()
    })
    // bind(2) takes the mode from the umask, and happens within this call: at no moment may others connect.
    const before = process.umask(0o777 & ~SOCKET_MODE)
    try {
      server.listen(path)
    } finally {
      process.umask(before)
    }
  })
}
