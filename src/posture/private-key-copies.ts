/** Private keys that lie elsewhere than where WireGuard reads them: copies, backups, archives, keys of peers. */
import type { Severity } from '../finding-document.ts'
import { factOf, isKnown, type KeySearchFact, type KeyTraceFact } from '../sources/hostfacts/facts.ts'
import type { PostureCheck, PostureResult } from './check.ts'
import { fileCommand, NO_FACTS, notKnown } from './host-facts.ts'
import { isGateway } from './posture-view.ts'
import { PRIVATE_KEYS } from './techniques.ts'

/** Where programs keep the keys they use: wg-quick, systemd-networkd, NetworkManager. Modes of the first: wireguard-file-modes. */
const PLACES: readonly RegExp[] = [
  /^\/etc\/wireguard\/[^/]+\.conf$/,
  /^\/etc\/systemd\/network\/[^/]+\.netdev$/,
  /^\/etc\/NetworkManager\/system-connections\/[^/]+$/,
]
/** A key in a file of its own, as PostUp or PrivateKeyFile have it. */
const KEY_PLACES: readonly RegExp[] = [/^\/etc\/wireguard\/.+$/, /^\/etc\/systemd\/network\/[^/]+$/]
/** Copies that editors and people leave behind. */
const COPY = /(?:~|\.(?:bak|old|orig|save|backup|swp|dpkg-\w+|rpm\w+|tmp|copy|gz|tar|tgz|\d+))$/i
/** Findings told; where there are more, the first ones say enough. */
const FINDINGS_MAX = 200
/** Evidence lines of one file. */
const LINES_MAX = 20

const UNSEEN: PostureResult = {
  kind: 'not-checked',
  reason:
    'Remote repositories, backups on other machines and snapshots cannot be seen: nothing here says that no key lies there.',
}

export const privateKeyCopies: PostureCheck = {
  id: 'private-key-copies',
  title: 'Private keys outside of their place',
  description:
    'Whoever has a private key is that peer, or that gateway: no log tells the two apart. A key belongs into one file on one machine; every copy and backup of it is one more way to lose it, and a private key of a peer on the gateway is known to two.',
  severity: 2,
  attack: [PRIVATE_KEYS],
  origin: 'posture',
  area: 'Private keys',
  knownGaps: [
    'Only the folders named were searched: files up to 1 MiB, and gzip and tar archives up to 32 MiB. Other archives, encrypted files and databases are not looked into.',
    'A key in a file of its own looks like any other 32 bytes: certain only where its public key is known on this machine.',
    'Keys in shell history, in environment variables and in memory are not looked for.',
  ],
  look: (machine, view) => {
    if (machine.facts === null) return isGateway(machine, view) ? [NO_FACTS] : []
    const search = factOf(machine.facts.privateKeys)
    if (!isKnown(search)) return [notKnown('Where private keys lie is', search), UNSEEN]
    const byFile = Map.groupBy(search.traces, ({ path }) => path)
    const found = [...byFile.values()].flatMap(judge)
    const told = found.slice(0, FINDINGS_MAX)
    const paths = search.paths.join(' ')
    const count = `${search.filesRead} ${search.filesRead === 1 ? 'file' : 'files'} of ${paths}`
    // What nobody may read proves nothing: a daemon with its own user reads next to nothing of /root and /home.
    const none: PostureResult =
      search.filesRead === 0
        ? { kind: 'not-checked', reason: `No file of ${paths} could be read.` }
        : { kind: 'passed', text: `No private key outside of its place in the ${count} that were read.` }
    const results: PostureResult[] = found.length > 0 ? told : [none]
    if (found.length > FINDINGS_MAX)
      results.push({
        kind: 'not-checked',
        reason: `${found.length - FINDINGS_MAX} more files with private keys are not told of.`,
      })
    return [...results, ...leftOut(search), UNSEEN]
  },
}

/** Of one file, with what is in it where it is an archive. */
function judge(traces: readonly KeyTraceFact[]): PostureResult[] {
  const [first] = traces
  if (first === undefined) return []
  const { path, member } = first
  const isCopy = member !== '' || COPY.test(path)
  const isPlace = !isCopy && PLACES.some((place) => place.test(path))
  const isKeyPlace =
    !isCopy && KEY_PLACES.some((place) => place.test(path)) && traces.every(({ form }) => form === 'key')
  // A peer's private key has no place on another machine, whatever the file.
  const strangers = traces.filter(({ kind, holder }) => kind === 'private-key' && holder.startsWith('a peer of '))
  if (strangers.length > 0)
    return [
      toFinding(
        first,
        traces,
        3,
        `${nameOf(traces)} holds the private key of ${[...new Set(strangers.map(({ holder }) => holder))].slice(0, LINES_MAX).join(', ')}: two have it, and a log cannot tell them apart.`,
      ),
    ]
  if (isPlace || isKeyPlace) {
    // Modes of /etc/wireguard are told by wireguard-file-modes; of other places others may not read either.
    const isToldThere = /^\/etc\/wireguard\/[^/]+$/.test(path)
    return first.readers === 'everybody' && !isToldThere
      ? [toFinding(first, traces, 3, `${nameOf(traces)} holds a ${kindText(traces)}, and everybody can read it.`)]
      : []
  }
  const isCertain = traces.some((trace) => trace.isCertain)
  const own = traces.find(({ kind, holder }) => kind === 'private-key' && holder !== '')
  const whose = own === undefined ? '' : ` of ${own.holder}`
  const readers =
    first.readers === 'everybody'
      ? ', and everybody can read it'
      : first.readers === 'group'
        ? `, and group ${first.gid} can read it`
        : ''
  const severity: Severity = isCertain ? (first.readers === 'nobody' ? 2 : 3) : 1
  const text = isCertain
    ? `${nameOf(traces)} holds a ${kindText(traces)}${whose}${readers}.`
    : `${nameOf(traces)} may hold a ${kindText(traces)}: it looks like one${readers}.`
  return [toFinding(first, traces, severity, text)]
}

function kindText(traces: readonly KeyTraceFact[]): string {
  return traces.some(({ kind }) => kind === 'private-key') ? 'private key' : 'preshared key'
}

/** With the first of its members that count; certain ones say more. */
function nameOf(traces: readonly KeyTraceFact[]): string {
  const certain = traces.filter(({ isCertain }) => isCertain)
  const shown = certain.length > 0 ? certain : traces
  const members = [...new Set(shown.map(({ member }) => member))].filter((member) => member !== '')
  const more = members.length > 1 ? ` and ${members.length - 1} more` : ''
  return `${traces[0]?.path ?? ''}${members[0] === undefined ? '' : ` (${members[0]}${more})`}`
}

const FORMS = {
  setting: 'a setting of a configuration',
  dump: 'a row of wg show dump',
  key: 'a file with nothing else',
}

function toFinding(
  { path, member, mode, uid, gid, names = 1 }: KeyTraceFact,
  traces: readonly KeyTraceFact[],
  severity: Severity,
  text: string,
): PostureResult {
  const lines = new Set(traces.map(lineOf))
  const left = lines.size - LINES_MAX
  return {
    kind: 'finding',
    subject: path,
    severity,
    text,
    evidence: [
      `${path}: mode ${mode}, uid ${uid}, gid ${gid}`,
      ...[...lines].slice(0, LINES_MAX),
      ...(left > 0 ? [`and ${left} more`] : []),
    ],
    mend: [
      ...(member === ''
        ? names > 1
          ? [
              `# the file has ${names} names, and shred would destroy it under all of them: look for the others first`,
              fileCommand('rm --', path),
            ]
          : ['# when nothing uses the file any more:', fileCommand('shred -u --', path)]
        : ['# make the archive anew without the file, and shred the old one']),
      '# where others could have read it, the key counts as known: wg genkey, and tell the other side the new public key',
    ],
    about: {},
    exception: null,
  }
}

function lineOf({ member, kind, form, isCertain, holder }: KeyTraceFact): string {
  const place = member === '' ? '' : `${member}: `
  const whose = holder === '' ? '' : `, of ${holder}`
  return `${place}${kind === 'private-key' ? 'private' : 'preshared'} key, ${FORMS[form]}${whose}${isCertain ? '' : ', not certain'}`
}

/** What was not looked into is no pass. */
function leftOut({ leftOut: reasons, leftOutPaths, endedBy }: KeySearchFact): PostureResult[] {
  const texts = Object.entries(reasons).map(([reason, count]) => `${count} ${reason}`)
  const results: PostureResult[] = []
  if (endedBy !== '')
    results.push({
      kind: 'not-checked',
      reason: `The search for keys was ended by its limit: ${endedBy}. Name fewer folders with --search.`,
    })
  const example = leftOutPaths[0]
  const more = leftOutPaths.length > 1 ? ' and others' : ''
  if (texts.length > 0)
    results.push({
      kind: 'not-checked',
      reason: `Not looked into: ${texts.join(', ')}${example === undefined ? '' : ` (${example.path}${more})`}.`,
    })
  return results
}
