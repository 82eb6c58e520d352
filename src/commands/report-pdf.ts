/**
 * A report's page as PDF, printed by a Chromium of the system. The browser gets a profile of its own that is removed afterwards, no
 * network and nothing of our environment; script the page itself forbids. It is ended by its process group. The same page gives the same
 * bytes on the same machine: what a browser writes by the clock or by chance is replaced. Other versions and other fonts give others.
 */
import { accessSync, constants, statSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createSystemClock } from '../live/clock.ts'
import { endText, startChild } from '../live/collectors/child.ts'
import { safeText } from '../safe-text.ts'
import { INSTANT_MAX, type Micros, toIso } from '../time.ts'
import { shorten } from './wrap-text.ts'

export type PrintedPdf = { readonly isPrinted: true } | { readonly isPrinted: false; readonly reason: string }

export type PdfRequest = {
  /** Path of the page, and of what is made of it; what is there is replaced. */
  readonly html: string
  readonly pdf: string
  readonly reportTime: Micros
  /** PATH and PEERTRAIL_CHROMIUM are looked at. */
  readonly environment: { readonly [name: string]: string | undefined }
  /** Ms a browser may take. */
  readonly timeoutMs?: number
}

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'] as const
/** A page takes seconds, one of a table of 5000 rows a minute on a busy machine. */
const TIMEOUT_MS = 300_000
/** Bytes of what a browser said that are kept, the last ones. */
const SAID_MAX = 4096
/** Bytes. */
const PDF_MAX = 512 * 1024 * 1024
const REASON_MAX = 200
/** How Chromium names an element of the structure that is there for those who do not see the page. */
const NODE = /\(node(\d{8,15})\)/g

/** Never throws for what a machine lacks: a report without PDF is a report. */
export async function printPdf(request: PdfRequest): Promise<PrintedPdf> {
  const { html, pdf, reportTime, environment, timeoutMs = TIMEOUT_MS } = request
  const program = findChromium(environment)
  if (program === null) return failed(missingText(environment))
  let folder = ''
  try {
    folder = await mkdtemp(join(tmpdir(), 'peertrail-print-'))
    const made = join(folder, 'page.pdf')
    const reason = await runChromium(program, chromiumArguments(html, made, folder), folder, timeoutMs)
    if (reason !== '') return failed(reason)
    const { size } = statSync(made)
    if (size > PDF_MAX) return failed(`the PDF would have ${size} bytes, more than ${PDF_MAX}`)
    await writeFile(pdf, withoutChance(await readFile(made), reportTime))
    return { isPrinted: true }
  } catch (error) {
    // Whoever reads this looks for the page, not for our folder.
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    return failed(code === 'ENOENT' ? 'the browser wrote no file' : `it could not be written: ${code || String(error)}`)
  } finally {
    if (folder !== '') await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {})
  }
}

/** Path of a browser that can print; null = there is none. PEERTRAIL_CHROMIUM goes before PATH. */
export function findChromium(environment: PdfRequest['environment']): string | null {
  const { PEERTRAIL_CHROMIUM: named = '', PATH: path = '' } = environment
  if (named !== '') {
    const place = isAbsolute(named) || named.includes('/') ? resolve(named) : null
    if (place !== null) return isProgram(place) ? place : null
  }
  const names = named === '' ? PROGRAMS : [named]
  const folders = path.split(delimiter).filter((folder) => isAbsolute(folder))
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram) ?? null
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function missingText({ PEERTRAIL_CHROMIUM: named = '' }: PdfRequest['environment']): string {
  return named === ''
    ? 'no Chromium is installed here (chromium or google-chrome in PATH, or PEERTRAIL_CHROMIUM)'
    : `PEERTRAIL_CHROMIUM names ${shorten(named, 80)}, and no program is there`
}

/** Exported for the test that holds them against what a page may do. */
export function chromiumArguments(html: string, pdf: string, profile: string): readonly string[] {
  return [
    '--headless',
    // A root process has no namespace of a user to lock itself in; any other keeps the sandbox.
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    `--user-data-dir=${profile}`,
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--disable-extensions',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-default-apps',
    '--disable-sync',
    '--disable-breakpad',
    '--no-first-run',
    '--no-default-browser-check',
    '--no-pings',
    '--lang=en-US',
    '--host-resolver-rules=MAP * ~NOTFOUND',
    // A proxy nobody listens at: addresses without a name are not reached either.
    '--proxy-server=127.0.0.1:9',
    '--proxy-bypass-list=<-loopback>',
    '--no-pdf-header-footer',
    // Headings as bookmarks; a browser that is too old for it leaves them out.
    '--generate-pdf-document-outline',
    `--print-to-pdf=${pdf}`,
    pathToFileURL(html).href,
  ]
}

/** Why there is no file; '' = the browser ended well. */
async function runChromium(
  program: string,
  args: readonly string[],
  folder: string,
  timeoutMs: number,
): Promise<string> {
  const clock = createSystemClock()
  let said = ''
  let isLate = false
  const child = startChild(
    [program, ...args],
    {
      stdout: () => {},
      stderr: (bytes) => {
        said = `${said}${bytes.toString('latin1')}`.slice(-SAID_MAX)
      },
    },
    clock,
    // UTC and nothing of ours: secrets of an environment have no business in a browser.
    { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: folder, TMPDIR: folder, TZ: 'UTC', LANG: 'C.UTF-8' },
  )
  const cancel = clock.after(timeoutMs, () => {
    isLate = true
    child.kill()
  })
  const end = await child.end
  cancel()
  if (isLate) return `the browser was ended after ${timeoutMs / 1000} s`
  if (end.status === 0) return ''
  const last = said.trim().split('\n').at(-1) ?? ''
  return `the browser failed (${endText(end)})${last === '' ? '' : `: ${shorten(last.trim(), REASON_MAX)}`}`
}

/**
 * What differs from one print to the next, replaced in its length, so that nothing else moves and the table of offsets stays right: the
 * two dates of the document's information, and the names of elements in its structure (`node00000263`, now and then counted from
 * another number on), which are counted anew in their order. Strings in a PDF escape parentheses, so no text looks like these.
 */
function withoutChance(bytes: Buffer, reportTime: Micros): Buffer {
  const digits = toIso(Math.min(Math.max(reportTime, 0), INSTANT_MAX))
    .slice(0, 19)
    .replace(/\D/g, '')
  // A byte a character: offsets stay those of the file.
  const text = bytes.toString('latin1')
  const nodes = new Set([...text.matchAll(NODE)].map(([, number = '']) => Number(number)))
  const places = new Map([...nodes].sort((a, b) => a - b).map((number, i) => [number, i + 1]))
  const stamped = text
    .replace(
      /(\/(?:CreationDate|ModDate) \(D:)\d{14}[+-]\d\d'\d\d'\)/g,
      (_, head: string) => `${head}${digits}+00'00')`,
    )
    .replace(NODE, (_, number: string) => {
      const place = places.get(Number(number)) ?? 0
      return `(node${String(place).padStart(number.length, '0')})`
    })
  return Buffer.from(stamped, 'latin1')
}

function failed(reason: string): PrintedPdf {
  return { isPrinted: false, reason: safeText(reason) }
}
