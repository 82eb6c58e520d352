/** `peertrail access-log`: who asked what of the records, oldest first, and whether the log is what was written. */

import { resolve } from 'node:path'
import { AppError } from '../errors.ts'
import { parseInstant } from '../quantities.ts'
import { safeText } from '../safe-text.ts'
import { reasonOf } from '../store/write-error.ts'
import type { Micros } from '../time.ts'
import { checkAccess } from './access-check.ts'
import type { AccessLine } from './access-entry.ts'
import { accessFolders } from './access-log.ts'
import { shellWord } from './shell-words.ts'
import { type Environment, findSink, type StoreOptions } from './store-place.ts'
import { counted, paint, type Terminal } from './terminal.ts'
import { parseTimeArgument, printSecond } from './time-argument.ts'

export type AccessLogArguments = StoreOptions & {
  /** '' = all there is. */
  readonly since: string
  readonly isJson: boolean
}

/** Exit 0; 1 when a log is not as it was written. Throws AppError `usage`, `cannot-read`. */
export async function runAccessLog(
  { since, isJson, ...options }: AccessLogArguments,
  now: Micros,
  environment: Environment,
  terminal: Terminal,
): Promise<number> {
  const from = since === '' ? Number.NEGATIVE_INFINITY : parseTimeArgument(since, now, '--since')
  const sink = await findSink(options, environment)
  const dir = 'dir' in sink ? resolve(sink.dir) : ''
  let shown = 0
  let logs = 0
  let isBroken = false
  for (const folder of accessFolders({ dir }, environment)) {
    const check = await readOne(folder, (line, text) => {
      if ((parseInstant(line['@timestamp']) ?? 0) < from) return
      shown++
      terminal.out(isJson ? `${text}\n` : `${lineText(line)}\n`)
    })
    if (check === null) continue
    logs++
    terminal.err(`${paint(terminal, 'dim', `${safeText(folder)}: ${counted(check.lines, 'line')}`)}\n`)
    for (const problem of check.problems) terminal.err(`${paint(terminal, 'red', 'wrong')}  ${safeText(problem)}\n`)
    isBroken ||= check.problems.length > 0
  }
  if (logs === 0)
    terminal.err('nothing was recorded yet: no search, who, timeline or report was run by this account or here\n')
  else if (shown === 0) terminal.err('nothing was recorded since then\n')
  return isBroken ? 1 : 0
}

async function readOne(folder: string, each: (line: AccessLine, text: string) => void) {
  try {
    return await checkAccess(folder, each)
  } catch (cause) {
    throw new AppError('cannot-read', `cannot read the access log ${safeText(folder)}: ${reasonOf(cause)}`, {
      cause,
      advice: 'Whoever may read the store may read it; ask as that account.',
    })
  }
}

/** `2026-11-22 16:00:00 UTC  alice (1000, sudo by bob) on gw1  exit 0  50 documents  peertrail who 10.8.0.7`. */
function lineText(line: AccessLine): string {
  const { user, host, process, peertrail } = line
  const { documents, login_uid: login, sudo_user: sudo, report } = peertrail.access
  const notes = [
    user.id,
    ...(login === undefined || String(login) === user.id ? [] : [`login ${login}`]),
    ...(sudo === undefined ? [] : [`sudo by ${sudo}`]),
  ]
  const parts = [
    printSecond(parseInstant(line['@timestamp']) ?? Number.NaN),
    `${user.name} (${notes.join(', ')}) on ${host.name}`,
    process.exit_code === undefined ? 'interrupted' : `exit ${process.exit_code}`,
    ...(documents === undefined ? [] : [counted(documents, 'document')]),
    ...(report === undefined ? [] : [`report ${report.id}, manifest ${report.manifest_sha256.slice(0, 16)}…`]),
    `peertrail ${process.args.map(shellWord).join(' ')}`,
  ]
  return parts.map(safeText).join('  ')
}
