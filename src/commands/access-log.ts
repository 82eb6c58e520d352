/**
 * Who asked what: every search, who, timeline and report is recorded with the account of the operating system.
 *
 * The line goes beside the records that were asked (STORE/access-log), where whoever guards the store finds it; an account that
 * may not write there, and a question to a cluster, leave it in the account's own folder ($XDG_STATE_HOME or ~/.local/state). A
 * command whose line can be written nowhere says so and goes on: a full disk or a store on read-only media must not keep an
 * incident responder from the records. Who may read the store's files can also read them by other programs, which no line
 * shows: the log is an account of what was done with peertrail, not a lock.
 */
import { existsSync, readFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { AppError, ERROR_EXITS } from '../errors.ts'
import { safeText } from '../safe-text.ts'
import type { EventReader } from '../store/event-reader.ts'
import { layoutOf } from '../store/layout.ts'
import { reasonOf } from '../store/write-error.ts'
import { type AccessRecord, type AccessUser, accessLine } from './access-entry.ts'
import { ACCESS_FOLDER, appendAccess } from './access-folder.ts'
import type { Environment } from './store-place.ts'
import type { Terminal } from './terminal.ts'

/** What was asked. */
export type AccessPlace = {
  /** Of a store, absolute; '' = a cluster. */
  readonly dir: string
  /** As the line names it: `https://es:9200`, `store ./peertrail-data`. */
  readonly name: string
}

/** What is known of a question before it is answered. */
export type AccessBegin = Pick<AccessRecord, 'action' | 'command' | 'at' | 'period' | 'query'>

/** From the keyboard, from a service manager, from a terminal that is gone. */
const ENDS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The value of an invalid login id (audit(7)): no login. */
const NO_LOGIN = 4_294_967_295

/** The place of an open reader. */
export function accessPlace(reader: EventReader): AccessPlace {
  return { dir: 'dir' in reader && typeof reader.dir === 'string' ? reader.dir : '', name: reader.name }
}

/** Folders that may hold the access log of a place, in the order in which they are tried. */
export function accessFolders({ dir }: Pick<AccessPlace, 'dir'>, environment: Environment): string[] {
  const { XDG_STATE_HOME: state = '', HOME: home = '' } = environment
  // Without a manifest it is no store, and a folder in it would keep it from ever becoming one.
  const beside = dir !== '' && existsSync(layoutOf(dir).manifest) ? [join(dir, ACCESS_FOLDER)] : []
  // The specification has relative paths ignored.
  const base = isAbsolute(state) ? state : isAbsolute(home) ? join(home, '.local', 'state') : ''
  return base === '' ? beside : [...beside, join(base, 'peertrail', ACCESS_FOLDER)]
}

/** Never throws for what the world refuses, and never makes a command fail: see above. */
export function recordAccess(
  place: AccessPlace,
  record: AccessRecord,
  environment: Environment,
  terminal: Terminal,
): Promise<void> {
  writeRecord(place, record, environment, terminal)
  return Promise.resolve()
}

/**
 * Runs the work of a command and records it, however it ends: with an exit status, with an error, by a signal. Only SIGKILL and a
 * machine that stops leave nothing. `work` tells how many documents it handed out, and the report it made.
 */
export async function withAccess(
  place: AccessPlace,
  begin: AccessBegin,
  environment: Environment,
  terminal: Terminal,
  work: (count: (documents: number) => void, made: (report: AccessRecord['report']) => void) => Promise<number>,
): Promise<number> {
  let documents: number | null = null
  let report: AccessRecord['report'] = null
  const write = (exit: number | null) =>
    writeRecord(place, { ...begin, documents, report, exit }, environment, terminal)
  const end = (signal: NodeJS.Signals) => {
    write(null)
    leave()
    process.kill(process.pid, signal)
  }
  const leave = () => {
    for (const signal of ENDS) process.off(signal, end)
  }
  for (const signal of ENDS) process.once(signal, end)
  try {
    const exit = await work(
      (found) => {
        documents = (documents ?? 0) + found
      },
      (made) => {
        report = made
      },
    )
    write(exit)
    return exit
  } catch (error) {
    write(error instanceof AppError ? ERROR_EXITS[error.code] : null)
    throw error
  } finally {
    leave()
  }
}

function writeRecord(place: AccessPlace, record: AccessRecord, environment: Environment, terminal: Terminal): void {
  const user = accessUser(environment)
  let why: unknown = new Error('there is no place for it: HOME is not set')
  for (const folder of accessFolders(place, environment)) {
    try {
      appendAccess(folder, (before) => accessLine(record, user, place.name, before))
      return
    } catch (error) {
      why = error
    }
  }
  terminal.err(`this ${record.action} could not be written to the access log: ${safeText(reasonOf(why))}\n`)
}

/** As the operating system says; never throws. */
export function accessUser({ SUDO_USER: sudoUser = '' }: Environment): AccessUser {
  return { ...account(), loginUid: loginUid(), sudoUser, host: hostname() }
}

/** An account without an entry in passwd, as containers have it, has no name. */
function account(): { readonly name: string; readonly uid: number } {
  try {
    const { username, uid } = userInfo()
    return { name: username, uid }
  } catch {
    return { name: '', uid: process.getuid?.() ?? -1 }
  }
}

/** Linux with audit alone; null elsewhere. */
function loginUid(): number | null {
  try {
    const text = readFileSync('/proc/self/loginuid', 'utf8').trim()
    return /^\d{1,10}$/.test(text) && Number(text) !== NO_LOGIN ? Number(text) : null
  } catch {
    return null
  }
}
