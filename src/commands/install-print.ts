/** What `install` says, line by line as it happens. */
import type { Security } from '../elasticsearch/install/survey.ts'
import type { Server } from '../elasticsearch/server.ts'
import { safeText } from '../safe-text.ts'
import { paint, type Terminal } from './terminal.ts'
import { unifiedDiff } from './unified-diff.ts'
import { wrapText } from './wrap-text.ts'

const WIDTH = 80
const LABEL = 10
/** Lines of one difference that are shown; --json has all of it. */
const DIFF_LINES_MAX = 120

type Style = Parameters<typeof paint>[1]

const STYLES: { readonly [label: string]: Style } = {
  failed: 'red',
  refused: 'red',
  'not done': 'yellow',
  note: 'yellow',
  skipped: 'yellow',
  kept: 'yellow',
  same: 'dim',
}

/** `demo-cluster: Elasticsearch 9.5.3 at https://es.example:9200` */
export function sayHead(terminal: Terminal, { engine, version, clusterName }: Server, url: string): void {
  const name = engine === 'elasticsearch' ? 'Elasticsearch' : 'OpenSearch'
  const head = `${safeText(clusterName)}: ${name} ${safeText(version)} at ${url}`
  terminal.out(`${paint(terminal, 'bold', head)}\n\n`)
}

/** A word and what it is about, wrapped beside the word. */
export function sayLine(terminal: Terminal, label: string, text: string): void {
  const [first = '', ...rest] = wrapText(text, WIDTH - LABEL)
  const word = paint(terminal, STYLES[label] ?? 'green', label) + ' '.repeat(Math.max(1, LABEL - label.length))
  terminal.out([`${word}${first}`, ...rest.map((line) => ' '.repeat(LABEL) + line)].map((line) => `${line}\n`).join(''))
}

/** From what is on the cluster to what this release has; both in normal form. */
export function sayDiff(terminal: Terminal, name: string, before: string, after: string): void {
  const lines = unifiedDiff(before, after, safeText(name)).split('\n').slice(0, -1)
  const shown = lines.slice(0, DIFF_LINES_MAX).map((line) => {
    const text = safeText(line)
    if (/^(?:---|\+\+\+|@@)/.test(line)) return paint(terminal, 'dim', text)
    return line.startsWith('+')
      ? paint(terminal, 'green', text)
      : line.startsWith('-')
        ? paint(terminal, 'red', text)
        : text
  })
  const more = lines.length - shown.length
  if (more > 0) shown.push(paint(terminal, 'dim', `… and ${more} more lines; --json has them all`))
  terminal.out(shown.map((line) => `${line}\n`).join(''))
}

/** '' where roles are installed. */
export function rolesSkipped(security: Security): string {
  switch (security.kind) {
    case 'on':
      return ''
    case 'off':
      return 'roles: this cluster asks nobody who he is, security is off'
    case 'elsewhere':
      return 'roles: the security plugin of OpenSearch has them in a shape of its own'
    case 'closed':
      return `roles: ${security.account} may not look at them; who may manage security installs them, once`
  }
}

/** The first few names and how many more. */
export function briefList(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).join(', ')
  return names.length > most ? `${shown} and ${names.length - most} more` : shown
}
