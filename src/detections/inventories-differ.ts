/**
 * Gateways name peers by different versions of the inventory: the same key may be a known device on one and unknown on the other, and policy
 * is judged by two truths. A roll-out takes minutes, so gateways differ only when they did so in two whole quarters of an hour running,
 * without changing.
 *
 * Where there are many detectors each sees only some peers of a gateway, so the finding follows from the hour and the two versions alone:
 * said by several it is the same document.
 */
import { fieldOf } from '../event.ts'
import { createFindingDocuments } from '../finding-document.ts'
import { quoteText } from '../kql/print-query.ts'
import { DAY, HOUR, MINUTE, type Micros } from '../time.ts'
import type { Detection, DetectionAbout, DetectionContext, DetectionKind, Tally } from './catalogue/detection.ts'
import { listed } from './catalogue/login-words.ts'

/** In two of them running gateways must differ, and each keep to its version. */
const STRETCH: Micros = 15 * MINUTE
/** A gateway was seen in a whole quarter when it had points in its first and last minutes. */
const EDGE: Micros = 5 * MINUTE
const SUPPRESSION: Micros = DAY
/** Versions that are held against each other at one time; more are roll-outs that never end. */
const VERSIONS_MAX = 16
/** Gateways that are remembered from one stretch to the next; one more is not compared. */
const GATEWAYS_MAX = 20_000
/** Pairs that were told of. */
const PAIRS_MAX = 1_000

const ABOUT: DetectionAbout = {
  id: 'inventories-differ',
  title: 'Gateways use different inventories',
  severity: 2,
  origin: 'detection',
  description:
    'Two gateways name peers by different versions of the inventory, and not only while a new one is rolled out. Names, owners and ' +
    'policy results of their documents do not fit together.',
  runbook: [
    'Which version is where: `peertrail status` on each gateway prints the hash of its inventory.',
    'Bring the same file to all of them, and reload: `systemctl reload peertrail`.',
    'A file that cannot be read is refused, and the old one goes on: `peertrail check inventory.yaml`.',
  ],
  attack: [],
  limits: { window: 'two whole quarters of an hour running, by the points of peers' },
  suppression: SUPPRESSION,
  baseline: 0,
  query: 'event.dataset : "wireguard.peer" and wireguard.attribution.inventory : *',
  knownGaps: [
    'A gateway without documented peers has no version in its documents and is not compared.',
    'Versions are compared, not their contents: a comment that differs is told of, too.',
    'Where there are many detectors, each compares the gateways whose peers it sees.',
    'The time of the finding is the beginning of its hour.',
  ],
}

type Stretch = { readonly end: Micros; readonly versions: Map<string, Tally> }
type Saved = { readonly current: Stretch | null; readonly before: Stretch | null; readonly quiet: Map<string, Micros> }

export const inventoriesDiffer: DetectionKind = {
  about: ABOUT,
  reads: [],
  wants: () => false,
  tallies: [
    {
      reads: ['wireguard.peer'],
      span: STRETCH,
      keyOf: (event) =>
        fieldOf(event, 'wireguard.attribution.inventory') === undefined ? null : (fieldOf(event, 'host.name') ?? null),
      distinctOf: (event) => fieldOf(event, 'wireguard.attribution.inventory'),
    },
  ],
  open,
}

function open({ emit, saved: before }: DetectionContext): Detection {
  // What was saved under the detection's id is what `save` below gave.
  const saved = before as Saved | undefined
  let current: Stretch | null = saved?.current ?? null
  let previous: Stretch | null = saved?.before ?? null
  const quiet = saved?.quiet ?? new Map<string, Micros>()
  const toDocument = createFindingDocuments(ABOUT)

  /** All of the current stretch is known. */
  function close(): void {
    if (current === null) return
    if (previous !== null && previous.end === current.end - STRETCH) compare(previous, current)
    previous = current
    current = null
  }

  function compare(earlier: Stretch, later: Stretch): void {
    const byVersion = new Map<string, Tally[]>()
    for (const [host, tally] of later.versions) {
      const version = versionOf(tally)
      const known = earlier.versions.get(host)
      if (version === null || known === undefined || versionOf(known) !== version) continue
      if (known.firstAt > known.start + EDGE || tally.lastAt < tally.end - EDGE) continue
      byVersion.set(version, [...(byVersion.get(version) ?? []), known])
    }
    const versions = [...byVersion.keys()].sort().slice(0, VERSIONS_MAX)
    for (const [i, one] of versions.entries())
      for (const other of versions.slice(i + 1))
        say(later.end - 2 * STRETCH, [one, byVersion.get(one) ?? []], [other, byVersion.get(other) ?? []])
  }

  function say(at: Micros, [one, oneSide]: Side, [other, otherSide]: Side): void {
    const subject = `${one} ${other}`
    if (at < (quiet.get(subject) ?? Number.NEGATIVE_INFINITY)) return
    quiet.delete(subject)
    quiet.set(subject, at + SUPPRESSION)
    if (quiet.size > PAIRS_MAX) {
      const oldest = quiet.keys().next()
      if (oldest.done !== true) quiet.delete(oldest.value)
    }
    const hosts = (side: readonly Tally[]) => side.map(({ key }) => key).sort()
    const evidence = [...oneSide, ...otherSide]
      .map(({ evidence: [first] }) => first?.id ?? '')
      .filter((id) => id !== '')
    emit(
      toDocument({
        at: Math.floor(at / HOUR) * HOUR,
        subject,
        start: at,
        end: at + 2 * STRETCH,
        summary: `${listed(hosts(oneSide))} used inventory ${one} and ${listed(hosts(otherSide))} used ${other} for half an hour`,
        distinct: 2,
        evidence,
        about: {
          'host.name': hosts(oneSide)[0],
          'related.hosts': [...new Set([...hosts(oneSide), ...hosts(otherSide)])].sort().slice(0, 100),
          'wireguard.attribution.inventory': one,
        },
        query: `wireguard.attribution.inventory : (${quoteText(one)} or ${quoteText(other)})`,
      }),
    )
  }

  return {
    tally(tally) {
      if (current !== null && tally.end > current.end) close()
      // What came too late for its stretch says nothing new of it.
      if (previous !== null && tally.end <= previous.end) return
      current ??= { end: tally.end, versions: new Map() }
      if (tally.end === current.end && !current.versions.has(tally.key) && current.versions.size < GATEWAYS_MAX)
        current.versions.set(tally.key, tally)
    },
    tick(watermark) {
      if (current !== null && current.end <= watermark) close()
    },
    save: () => ({ current, before: previous, quiet }) satisfies Saved,
  }
}

type Side = readonly [version: string, gateways: readonly Tally[]]

/** The only one of its stretch; null when it changed meanwhile. */
function versionOf({ distinct }: Tally): string | null {
  return distinct.length === 1 ? (distinct[0] ?? null) : null
}
