/** The letter to whoever gets an evidence pack: what it is, how to check it, what it proves and what not. Names no one by itself. */
import { quoted, safeText } from '../../safe-text.ts'
import type { IncidentSubject } from '../incident/incident-subject.ts'
import type { ReportQuestion, SourceIntegrity } from '../report-question.ts'
import { stampText } from '../revocation/revocation-text.ts'

export type PackFacts = {
  readonly subject: IncidentSubject
  readonly question: ReportQuestion
  /** Lines by file name, sorted. */
  readonly files: readonly { readonly name: string; readonly rows: number }[]
  /** Documents by dataset whose original line is in the pack, and datasets that keep none. */
  readonly originals: readonly { readonly dataset: string; readonly documents: number }[]
  readonly inventories: readonly string[]
  /** What could not be put in, a plain sentence each. */
  readonly remarks: readonly string[]
  readonly hasChain: boolean
}

/** Characters of the subject's label. */
const LABEL_MAX = 200

const ABOUT: ReadonlyMap<string, string> = new Map([
  [
    'documents.ndjson',
    'every document about the subject in the period, one ECS JSON a line, in order of time; with changes and gaps of the machines that tell of it',
  ],
  ['raw.ndjson', 'the log lines behind those documents, as they were read, each with its SHA-256'],
  [
    'ledger.ndjson',
    'which key ran on which interface with which AllowedIPs, when that was seen, and the times of the polls',
  ],
  [
    'changes.ndjson',
    'changes of WireGuard and of the packet filter on these machines in the period, of any key, with who made them where the audit log says so',
  ],
  ['coverage.ndjson', 'what was and what was not recorded on these machines in the period'],
  ['sources.ndjson', 'files of logs by their identity, and segments of the store with their SHA-256'],
  ['chain.ndjson', "entries of the store's chain, from the first to its head"],
])

/** Markdown, readable as plain text too. Every text from data is made fit for both. */
export function readmeText(facts: PackFacts): string {
  const { subject, question } = facts
  const { period, reportTime } = question
  return `${[
    '# Evidence pack of an incident report',
    '',
    `About: ${plain(subject.kind)} ${plain(quoted(subject.label, LABEL_MAX))}`,
    `Period: ${stampText(period.from)} to ${stampText(period.to)}, its end not included`,
    `Made: ${stampText(reportTime)}, asked for by ${plain(quoted(question.askedBy, LABEL_MAX))}`,
    '',
    'Contact for questions about this pack: ______________________________',
    '',
    ...heading('What this is'),
    'Records of connections through WireGuard gateways, and of logins, commands and files on the hosts behind them, as far as they are about the subject above. `report.html` tells the story for people, `report.json` has the same facts for programs. The other files are what both were made of.',
    '',
    ...heading('How to check it'),
    'That no file was changed since the pack was made, with nothing but common tools, inside this folder:',
    '',
    '    sha256sum -c SHA256SUMS',
    '',
    'The same, with the manifest, its signature where there is one, and the chain, with peertrail on any machine; no store is needed:',
    '',
    '    peertrail verify PACK.tar.gz',
    '',
    'Whoever changes a file can also compute its sum again. Compare the sum of `manifest.json`, or the key that signed it, with what the sender tells you by another way.',
    '',
    ...heading('What it proves, and what it does not'),
    ...proofs(facts),
    '',
    ...heading('Files'),
    '`README.md`: this text. `manifest.json` and `SHA256SUMS`: name, size and SHA-256 of every file. `timeline` and `evidence`: the lines of the story, and the id of every document.',
    '',
    ...facts.files.map(({ name, rows }) => `- \`${name}\`, ${rows} lines: ${ABOUT.get(name) ?? 'rows of the report'}`),
    ...facts.inventories.map(
      (hash) => `- \`inventories/${hash}.yaml\`: the inventory with this hash; it is the beginning of its SHA-256`,
    ),
    '',
    ...originalsText(facts),
    '',
    ...heading('Times and names'),
    'All times are UTC, by the clock of the machine that is named; the report tells how far clocks were apart where that was measured.',
    namesText(question),
    'Inventories name people who have nothing to do with the incident: hand this pack on only to those who need it.',
    'No private key and no preshared key is in it: neither is ever stored.',
    ...(facts.remarks.length === 0
      ? []
      : ['', ...heading('Left out'), ...facts.remarks.map((text) => `- ${plain(text)}`)]),
  ].join('\n')}\n`
}

function heading(text: string): string[] {
  return [`## ${text}`, '']
}

function proofs({ question, hasChain }: PackFacts): string[] {
  return [
    '- A document says which key sent or received a packet. `exact` means that polls before and after show the same holder. It does not say who sat at the keyboard: device and owner are what the inventory documents.',
    '- Rows that are missing prove nothing: `coverage.ndjson` and the report say what was not recorded.',
    `- ${integrityText(question.integrity, hasChain)}`,
    '- Nothing here shows that a log file was true before it was read, or that nobody with all rights on a machine changed it before.',
    '- A manifest without a signature can be written anew as a whole.',
  ]
}

function integrityText(integrity: SourceIntegrity, hasChain: boolean): string {
  if (integrity.kind === 'not-verifiable')
    return `Source integrity: not verifiable. The documents come from ${plain(integrity.place)}, which cannot show that nobody changed them there.`
  const chain = `${integrity.count} entries, head \`${integrity.head}\``
  const unsealed =
    integrity.unsealedFiles === 0
      ? ''
      : ` ${integrity.unsealedFiles} files were not sealed yet when the pack was made: the chain does not protect them.`
  const found =
    integrity.problems.length === 0
      ? 'it was whole'
      : `${integrity.problems.length} things were wrong with it, which the report names`
  return `The store the documents come from is chained (${chain}); when the pack was made, ${found}.${hasChain ? ' The chain is in `chain.ndjson`.' : ''} Compared with a head that was kept elsewhere, it shows whether sealed records were changed or cut off.${unsealed}`
}

function originalsText({ originals }: PackFacts): string[] {
  const kept = originals.filter(({ documents }) => documents > 0)
  const none = originals.filter(({ documents }) => documents === 0)
  return [
    kept.length === 0
      ? 'No document of this pack keeps the line it was made of.'
      : `Original lines are kept of ${kept.map(({ dataset, documents }) => `${dataset} (${documents})`).join(', ')}. Bytes that were no UTF-8 stand as U+FFFD, and the hash is of that text.`,
    ...(none.length === 0
      ? []
      : [
          `${none.map(({ dataset }) => dataset).join(', ')}: no original line of these is in this pack; most are made of several records or of polls.`,
        ]),
  ]
}

function namesText({ names }: ReportQuestion): string {
  const mode =
    names.mode === 'as-recorded'
      ? 'Names of people and devices in the report are those that documents of the time carry.'
      : 'Names of people and devices in the report are those that the newest inventory gives for that time.'
  const version = names.inventory === '' ? '' : ` The newest inventory has the hash ${names.inventory}.`
  const backdated =
    names.backdated.length === 0
      ? ''
      : ` ${names.backdated.length} of its changes are about a time before they were made; the report lists them.`
  return `${mode} Documents always carry the names of the time.${version}${backdated}`
}

/** One line, without what a viewer of Markdown or a terminal would act on. */
function plain(text: string): string {
  return safeText(text).replace(/[`<>[\]]/g, ' ')
}
