/** docs/detections.md: what every detection and posture check says of itself, for whoever gets its findings. */
import { DETECTIONS } from '../src/detections/catalogue/catalogue.ts'
import type { DetectionAbout } from '../src/detections/catalogue/detection.ts'
import { type FindingKind, SEVERITY_NAMES, type Technique } from '../src/finding-document.ts'
import { POSTURE_AREAS, type PostureKind } from '../src/posture/check.ts'
import { POSTURE_KINDS } from '../src/posture/checks.ts'
import { spanText } from '../src/quantity-text.ts'
import { table } from './markdown.ts'

const INTRODUCTION = `# Detections and posture checks

Generated from src/detections and src/posture by \`npm run docs\`.

A finding is an opinion about documents: it names them in \`wireguard.finding.evidence_ids\`, says what it means in one sentence
(\`wireguard.finding.summary\`), and carries a query for all that is behind it. Findings of a peer rest on attributions that are \`exact\`: the
key, and by the inventory its device and owner; never the person at the keyboard.

- **Severity** is what the detection usually gives; a finding may differ where its limits say so. One that an exception of the inventory
  accepts (\`exceptions[]\` with the id as \`check\`) still goes out, as low, with the reason.
- **Suppression**: about the same subject nothing more is said for this long.
- **Baseline**: what has to be covered before it says anything, because it holds a peer or a source against its own past.
- **Known gaps** are what it cannot see. No finding never means that nothing happened.

How a new one is made stands in [adding-a-detection.md](adding-a-detection.md); users' own rules are YAML.
`

/** The whole page. */
export function detectionsPage(): string {
  const abouts = DETECTIONS.map(({ about }) => about)
  return [
    INTRODUCTION,
    `\n## All detections\n\n${overview(abouts)}`,
    ...bySeverity(abouts).map(detectionSection),
    `\n## Posture checks\n\nRun by \`peertrail posture\`, and hourly in \`run\`. What a source cannot show is not checked, never passed.\n\n${postureOverview()}`,
    ...POSTURE_AREAS.flatMap((area) => POSTURE_KINDS.filter((kind) => kind.area === area).map(postureSection)),
  ].join('')
}

function bySeverity<Kind extends FindingKind>(kinds: readonly Kind[]): Kind[] {
  return kinds.toSorted((a, b) => b.severity - a.severity || (a.id < b.id ? -1 : 1))
}

function overview(abouts: readonly DetectionAbout[]): string {
  const rows = bySeverity(abouts).map(({ severity, id, title, attack, baseline }) => [
    SEVERITY_NAMES[severity],
    `[\`${id}\`](#${id})`,
    title,
    attack.map((technique) => technique.id).join(', '),
    baseline === 0 ? '' : spanText(baseline),
  ])
  return table(['severity', 'id', 'what', 'ATT&CK', 'baseline'], rows)
}

function postureOverview(): string {
  const rows = POSTURE_AREAS.flatMap((area) =>
    POSTURE_KINDS.filter((kind) => kind.area === area).map((kind) => [
      area,
      `[\`${kind.id}\`](#${anchorOf(kind)})`,
      kind.title,
      SEVERITY_NAMES[kind.severity],
    ]),
  )
  return table(['area', 'id', 'what', 'severity'], rows)
}

function detectionSection(about: DetectionAbout): string {
  const { id, title, description, severity, attack, limits, suppression, baseline, runbook, knownGaps, query } = about
  return `
### ${id}

**${title}.** ${description}

${facts([
  ['severity', SEVERITY_NAMES[severity]],
  ['ATT&CK', techniques(attack)],
  ...Object.entries(limits),
  ['suppression', spanText(suppression)],
  ['baseline', baseline === 0 ? 'none' : `${spanText(baseline)} of coverage`],
])}
What to do:

${numbered(runbook)}
Known gaps:

${list(knownGaps)}
\`\`\`
${query}
\`\`\`
`
}

function postureSection(kind: PostureKind): string {
  const { title, description, severity, attack, area, knownGaps } = kind
  return `
### ${headingOf(kind)}

**${title}.** ${description}

${facts([
  ['area', area],
  ['severity', SEVERITY_NAMES[severity]],
  ['ATT&CK', techniques(attack)],
])}${knownGaps.length === 0 ? '' : `\nKnown gaps:\n\n${list(knownGaps)}`}`
}

/** A check and a detection may have the same id; a page has each heading once. */
function headingOf({ id }: PostureKind): string {
  return DETECTIONS.some(({ about }) => about.id === id) ? `${id} (posture)` : id
}

function anchorOf(kind: PostureKind): string {
  return headingOf(kind).replaceAll(/[()]/g, '').replaceAll(' ', '-')
}

function facts(rows: readonly (readonly [string, string])[]): string {
  return table(
    ['', ''],
    rows.filter(([, value]) => value !== ''),
  )
}

function techniques(attack: readonly Technique[]): string {
  return attack.map(({ id, name, tactic }) => `${link(id)} ${name} (${tactic.name})`).join('; ')
}

function link(id: string): string {
  return `[${id}](https://attack.mitre.org/techniques/${id.replace('.', '/')}/)`
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}\n`).join('')
}

function numbered(items: readonly string[]): string {
  return items.map((item, i) => `${i + 1}. ${item}\n`).join('')
}
