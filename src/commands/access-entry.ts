/** One line of the access log: who asked what of the records, as an ECS document chained to the line before. */
import { hash } from 'node:crypto'
import { z } from 'zod'
import { INSTANT_MAX, INSTANT_MIN, type Micros, toIso } from '../time.ts'
import { VERSION } from '../version.ts'
import { printJson } from './ascii-json.ts'

export type AccessAction = 'search' | 'who' | 'timeline' | 'report-generated' | 'report-revealed'

/** What a command tells of itself. */
export type AccessRecord = {
  readonly action: AccessAction
  /** Words of the command line, without secrets (accessWords makes them): `['who', '10.8.0.7']`. */
  readonly command: readonly string[]
  /** When it was asked. */
  readonly at: Micros
  /** Null: not about a stretch of time. */
  readonly period: { readonly from: Micros; readonly to: Micros } | null
  /** What was asked for: a query, an address, a peer. '' = nothing in particular. */
  readonly query: string
  /** Documents that were handed out; null = not counted. */
  readonly documents: number | null
  /** The report that was made. */
  readonly report: { readonly id: string; readonly manifestSha256: string } | null
  /** Exit status; null: ended by a signal before it had one. */
  readonly exit: number | null
}

/** Who ran it, as the operating system says. */
export type AccessUser = {
  readonly name: string
  readonly uid: number
  /** Set at login and kept through su and sudo (/proc/self/loginuid); null = no login, or not known. */
  readonly loginUid: number | null
  /** SUDO_USER: who called sudo. The caller's environment, so that it proves nothing. '' = not set. */
  readonly sudoUser: string
  readonly host: string
}

export type AccessHead = { readonly count: number; readonly hash: string }

export const EMPTY_ACCESS: AccessHead = Object.freeze({ count: 0, hash: '0'.repeat(64) })

/** Characters of one text; a longer one is cut, which is said. */
const TEXT_MAX = 4_000
const WORDS_MAX = 200

/** A line without its end, and the head after it. */
export function accessLine(
  { action, command, at, period, query, documents, report, exit }: AccessRecord,
  { name, uid, loginUid, sudoUser, host }: AccessUser,
  place: string,
  before: AccessHead,
): { readonly line: string; readonly head: AccessHead } {
  const count = before.count + 1
  const line = printJson({
    '@timestamp': timeText(at),
    ecs: { version: '9.4.0' },
    event: {
      action,
      category: ['database'],
      kind: 'event',
      module: 'peertrail',
      outcome: exit === null ? 'unknown' : exit <= 1 ? 'success' : 'failure',
      type: ['access'],
    },
    host: { name: cut(host) },
    process: { args: command.slice(0, WORDS_MAX).map(cut), exit_code: exit ?? undefined, name: 'peertrail' },
    user: { id: String(uid), name: cut(name) },
    peertrail: {
      access: {
        documents: documents ?? undefined,
        login_uid: loginUid ?? undefined,
        number: count,
        period: period === null ? undefined : { from: timeText(period.from), to: timeText(period.to) },
        previous: before.hash,
        query: query === '' ? undefined : cut(query),
        report: report === null ? undefined : { id: cut(report.id), manifest_sha256: report.manifestSha256 },
        source: cut(place),
        sudo_user: sudoUser === '' ? undefined : cut(sudoUser),
        version: VERSION,
      },
    },
  }).trimEnd()
  return { line, head: { count, hash: hash('sha256', line) } }
}

const LINE = z.looseObject({
  '@timestamp': z.string(),
  event: z.looseObject({ action: z.string(), outcome: z.string() }),
  host: z.looseObject({ name: z.string() }),
  process: z.looseObject({ args: z.array(z.string()), exit_code: z.number().optional() }),
  user: z.looseObject({ id: z.string(), name: z.string() }),
  peertrail: z.looseObject({
    access: z.looseObject({
      number: z.number().int().positive(),
      previous: z.string(),
      documents: z.number().optional(),
      login_uid: z.number().optional(),
      query: z.string().optional(),
      report: z.looseObject({ id: z.string(), manifest_sha256: z.string() }).optional(),
      source: z.string(),
      sudo_user: z.string().optional(),
    }),
  }),
})

export type AccessLine = z.infer<typeof LINE>

/** Null for a line that none of ours ever was. */
export function parseAccessLine(text: string): AccessLine | null {
  try {
    return LINE.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}

function cut(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}… (${text.length} characters)` : text
}

function timeText(at: Micros): string {
  return toIso(Math.min(Math.max(at, INSTANT_MIN), INSTANT_MAX))
}
