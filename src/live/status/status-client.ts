/** Asks the daemon of a state directory how it is. */
import { request } from 'node:http'
import { join } from 'node:path'
import type { Acknowledgement } from '../../acknowledgement.ts'
import { AppError } from '../../errors.ts'
import { safeText } from '../../safe-text.ts'
import { problemOf } from '../hostfacts/read-fact.ts'
import type { DaemonStatus } from '../status.ts'
import { ACKNOWLEDGE } from './status-routes.ts'
import { parseStatus } from './status-schema.ts'
import { type OpenedDirectory, openDirectory, SOCKET_NAME } from './status-socket.ts'

/** A daemon in the middle of a large batch answers after it. */
const ANSWER_MS_MAX = 10_000
/** A log host with a thousand sources has half a megabyte. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024

export type AskOptions = {
  /** Milliseconds after which no answer counts as none. */
  readonly answerMs?: number
  /** Whoever asks does not want to know any more. */
  readonly signal?: AbortSignal
}

/** Throws AppError `no-daemon` when none answers in `dir`, `cannot-read` when it may not be asked. */
export async function askStatus(dir: string, options: AskOptions = {}): Promise<DaemonStatus> {
  const { code, text } = await ask(dir, { method: 'GET', path: '/status' }, options)
  const status = code === 200 ? parseStatus(text) : null
  if (status === null) throw otherRelease(dir)
  return status
}

/** Hands an acknowledgement to the daemon, which records it: true when it is safe in the store, false when it waits. Throws as `askStatus`. */
export async function tellAcknowledgement(dir: string, given: Acknowledgement): Promise<boolean> {
  const path = `${ACKNOWLEDGE}?${new URLSearchParams({ given: JSON.stringify(given) }).toString()}`
  const { code } = await ask(dir, { method: 'POST', path }, {})
  if (code === 404)
    throw new AppError('no-daemon', `what runs at ${safeText(join(dir, SOCKET_NAME))} records no acknowledgements`, {
      advice: 'In a system of tiers they go to the cluster: --elasticsearch URL.',
    })
  if (code !== 201 && code !== 202) throw otherRelease(dir)
  return code === 201
}

function otherRelease(dir: string): AppError {
  return new AppError('no-daemon', `what answers at ${safeText(join(dir, SOCKET_NAME))} is no daemon of this release`, {
    advice: 'Ask with the release that runs, or restart the daemon.',
  })
}

type Asked = { readonly method: 'GET' | 'POST'; readonly path: string }
type Told = { readonly code: number; readonly text: string }

async function ask(dir: string, asked: Asked, options: AskOptions): Promise<Told> {
  const shown = safeText(join(dir, SOCKET_NAME))
  let directory: OpenedDirectory
  try {
    directory = openDirectory(dir)
  } catch (error) {
    throw noAnswer(shown, error)
  }
  try {
    return await exchange(directory.socketPath, asked, options)
  } catch (error) {
    throw error instanceof AppError ? error : noAnswer(shown, error)
  } finally {
    directory.close()
  }
}

function noAnswer(shown: string, error: unknown): AppError {
  // Errors of ours have no code but a message.
  const why = error instanceof Error && !('code' in error) ? safeText(error.message) : problemOf(error)
  if (why === 'permission denied')
    return new AppError('cannot-read', `${shown} may not be asked by this user`, {
      advice: 'Ask as root, as the user the daemon runs as, or as a member of its group.',
    })
  // A socket without a listener is what a killed daemon leaves.
  const gone = why === 'no such file' || why === 'ECONNREFUSED'
  return new AppError('no-daemon', `no daemon answers at ${shown}${gone ? '' : `: ${why}`}`, {
    advice:
      'Start it with `systemctl start peertrail` or `peertrail run --pipeline FILE`; of one that runs elsewhere, name --pipeline FILE or --state DIR.',
  })
}

/** Rejects with what the system says, or an Error in words. */
function exchange(
  socketPath: string,
  { method, path }: Asked,
  { answerMs = ANSWER_MS_MAX, signal }: AskOptions,
): Promise<Told> {
  const late = AbortSignal.timeout(answerMs)
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(late.aborted ? new Error(`no answer within ${answerMs / 1000} s`) : error)
    const question = request({
      socketPath,
      method,
      path,
      headers: { host: 'localhost' },
      agent: false,
      signal: signal === undefined ? late : AbortSignal.any([late, signal]),
    })
    question.on('error', failed)
    question.on('response', (response) => {
      const chunks: Buffer[] = []
      let bytes = 0
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > ANSWER_BYTES_MAX) response.destroy(new Error('the answer has no end'))
        else chunks.push(chunk)
      })
      response.on('error', failed)
      response.on('end', () =>
        resolve({ code: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      )
    })
    question.end()
  })
}
