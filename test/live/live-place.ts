/** A small gateway for live runs: one machine of the demo capture in two halves, split at one moment, with a pipeline and an inventory of its own. */
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEvent, printEvent } from '../../src/event-json.ts'
import type { Fields } from '../../src/fields.ts'
import { type LiveDeps, type LiveRun, openLiveRun } from '../../src/live/live-run.ts'
import { loadSettings, type Settings } from '../../src/live/settings.ts'
import { type Micros, MS } from '../../src/time.ts'
import { DEMO } from '../replay-capture.ts'
import { createListLog, type Logged, openWorkshop, type Workshop } from './collectors/workshop.ts'

/** 2026-11-22T15:11:20Z, in the middle of the capture. */
const SPLIT: Micros = 1_795_360_280_000_000

const read = (name: string) => readFileSync(join(DEMO, 'gw1', name), 'latin1').split(/(?<=\n)/)
const isoOf = (text: string) => Date.parse(text.split(' ')[0] ?? '') * MS

/** Lines of each log before and from the moment. */
function halves(): Map<string, readonly [string, string]> {
  const split = (lines: readonly string[], timeOf: (line: string) => Micros) => {
    const at = lines.findIndex((line) => timeOf(line) >= SPLIT)
    if (at <= 0) throw new Error('the moment lies outside of the capture')
    return [lines.slice(0, at).join(''), lines.slice(at).join('')] as const
  }
  return new Map([
    ['kern.log', split(['kern.log.2', 'kern.log.1', 'kern.log'].flatMap(read), isoOf)],
    ['conntrack.log', split(read('conntrack.log'), (line) => Number(/^\[(\d+)\./.exec(line)?.[1] ?? 0) * 1_000_000)],
    ['wg.snapshots', split(read('wg.snapshots'), (line) => (line.startsWith('# ') ? isoOf(line.slice(2)) : 0))],
  ])
}

const SOURCES = `sources:
  - { type: nftables, host: gw1, path: kern.log }
  - { type: conntrack, host: gw1, path: conntrack.log }
  - { type: wireguard, host: gw1, path: wg.snapshots }
  - { type: nftables-ruleset, host: gw1, path: ruleset.json }
`

export type LivePlace = {
  readonly shop: Workshop
  /** Appends the first or the second half to every log. */
  append(half: 0 | 1): void
  /** Other names for the same people. */
  renamePeople(): void
  settings(): Promise<Settings>
  open(isOnce: boolean): Promise<{ live: LiveRun; logged: Logged[] }>
  /** Documents in the order of the file; what the daemon says of itself is left out, and when each was made. */
  documents(): Fields[]
}

/** `sinks`: YAML below `sinks:`. */
export function openLivePlace(sinks = '  ndjson: { path: events.ndjson }\n'): LivePlace {
  const shop = openWorkshop()
  const parts = halves()
  const inventory = readFileSync(join(DEMO, 'inventory.yaml'), 'latin1')
  shop.write('inventory.yaml', inventory)
  shop.write('ruleset.json', readFileSync(join(DEMO, 'gw1/ruleset.json'), 'latin1'))
  shop.write('conntrack.stderr', readFileSync(join(DEMO, 'gw1/conntrack.stderr'), 'latin1'))
  shop.write('pipeline.yaml', `${SOURCES}inventory: inventory.yaml\nlisten: off\nsinks:\n${sinks}`)
  const settings = () => loadSettings(shop.path('pipeline.yaml'), 'here', '')
  return {
    shop,
    append(half) {
      for (const [name, texts] of parts) appendFileSync(shop.path(name), texts[half], 'latin1')
    },
    renamePeople: () => shop.write('inventory.yaml', inventory.replaceAll(/^ {2}name: /gm, '  name: New ')),
    settings,
    async open(isOnce) {
      const { log, logged } = createListLog()
      const quiet = () => {}
      const deps: LiveDeps = {
        now: () => Date.now() * MS,
        log,
        notifier: { ready: quiet, stopping: quiet, alive: quiet },
        version: 'test',
        pid: 1,
        environment: {},
        hide: () => {},
        random: () => 0.5,
        memoryBytes: () => 0,
        step: quiet,
      }
      return { live: await openLiveRun(await settings(), isOnce, deps), logged }
    },
    documents: () => documentsOf(shop.read('events.ndjson')),
  }
}

/** Actions of coverage that only a live run tells. */
const OWN = new Set(['source-started', 'source-stopped', 'chain-head'])
/** And of machines in the inventory, that they have never said anything; with what is found in that. */
const LIVE_REASON = 'never-spoke'
const LIVE_RULE = 'source-silent'

/** Whole lines only: a last one without its end is being written, or was when the process was killed. */
export function documentsOf(ndjson: string): Fields[] {
  return ndjson
    .split('\n')
    .slice(0, -1)
    .map(parseEvent)
    .filter((fields) => !(fields['event.reason'] === 'peertrail' && OWN.has(fields['event.action'] ?? '')))
    .filter((fields) => fields['event.reason'] !== LIVE_REASON && fields['rule.id'] !== LIVE_RULE)
    .map((fields) => {
      const { 'event.created': created, ...rest } = fields
      if (created === undefined) throw new Error('a live document without event.created')
      return rest
    })
}

export function idsOf(documents: readonly Fields[]): string[] {
  return documents
    .map((fields) => fields['event.id'] ?? printEvent({ dataset: 'wireguard.peer', own: fields, facets: [] }))
    .sort()
}
