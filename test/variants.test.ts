/**
 * The demo capture in other clothes, judged like the original: other names, networks, dates, headers, conntrack options,
 * rotations, missing files. What a variant takes away may cost answers; it may never make a wrong one.
 */
import { describe, expect, test } from 'vitest'
import { FATAL } from './judge.ts'
import { BARS, type Bars, missedBars } from './variants/bars.ts'
import {
  type CaptureCase,
  demoCase,
  edit,
  printedRows,
  remove,
  rename,
  replayCase,
  reviseEvidence,
} from './variants/case.ts'
import {
  addKernelTimes,
  stripCounters,
  stripDeltas,
  stripExtended,
  stripIds,
  withoutEvents,
} from './variants/conntrack.ts'
import {
  dmesg,
  isForged,
  isoWithOffset,
  journal,
  rewriteHeaders,
  rfc5424,
  shortIsoPrecise,
  traditional,
} from './variants/headers.ts'
import { asMessages, compressAll, rotate } from './variants/layout.ts'
import { renameHosts, renameInterface, renumber, shiftTimes, traditionalAt } from './variants/names.ts'
import { createRandom } from './variants/random.ts'
import { addTwinInterface, shuffleRows, thin } from './variants/snapshots.ts'

/** What conntrack would have told is missing: how old a flow is, or its tuple behind a masquerading gateway. */
const FEWER_LOGINS = { ssh: 0.75, login: 0.75, exec: 0.75, file: 0.75 }
const NO_LOGINS = { ssh: 0, login: 0, exec: 0, file: 0 }

type Variant = readonly [name: string, change: (one: CaptureCase) => void, bars?: Partial<Bars>]

/** Seconds from the capture's beginning, 2026-11-22T15:09:29Z, to that time. */
const until = (iso: string) => Math.round((Date.parse(iso) - Date.parse('2026-11-22T15:09:29Z')) / 1000)
const pipeline = (one: CaptureCase, text: string) => one.files.set('pipeline.yaml', text)

const VARIANTS: readonly Variant[] = [
  ['untouched', () => {}],
  ['interface called office-vpn', (one) => renameInterface(one, 'office-vpn')],
  ['interface called like a word of the log, 15 characters', (one) => renameInterface(one, 'wg-PROTO.SRC_15')],
  ['other networks, v4 and v6', renumber],
  [
    'gateways called by full names',
    (one) =>
      renameHosts(
        one,
        new Map([
          ['gw1', 'edge-1.example.net'],
          ['gw2', 'GW_2'],
        ]),
      ),
  ],
  ['gw1 in RFC 5424', (one) => rewriteHeaders(one, rfc5424)],
  [
    'gw1 traditional in Asia/Kolkata',
    (one) => {
      rewriteHeaders(one, traditional(330))
      pipeline(one, 'name: k\nhosts:\n  gw1: { timezone: Asia/Kolkata }\n  gw2: { timezone: UTC }\n')
    },
  ],
  ['gw1 iso with +05:30', (one) => rewriteHeaders(one, isoWithOffset(330, '+05:30'))],
  ['gw1 short-iso-precise, no uptime', (one) => rewriteHeaders(one, shortIsoPrecise)],
  [
    'gw1 journal json',
    (one) => {
      rewriteHeaders(one, journal)
      rename(one, (name) => (name.startsWith('gw1/kern.log') ? name.replace('kern.log', 'journal.json') : ''))
    },
  ],
  [
    'new year at midnight, traditional',
    (one) => {
      rewriteHeaders(one, traditional(0))
      shiftTimes(one, until('2026-12-31T23:58:00Z'))
    },
  ],
  ['29 February', (one) => shiftTimes(one, until('2028-02-29T23:58:00Z'))],
  [
    'no ruleset, prefixes in pipeline.yaml',
    (one) => {
      remove(one, /ruleset\.json$/)
      pipeline(one, PREFIXES)
    },
  ],
  ['no ruleset and no prefixes: no verdict', (one) => remove(one, /ruleset\.json$/), { verdict: 0 }],
  [
    'dated rulesets',
    (one) => {
      for (const host of ['gw1', 'gw2']) {
        const text = one.files.get(`${host}/ruleset.json`) ?? ''
        one.files.delete(`${host}/ruleset.json`)
        one.files.set(
          `${host}/ruleset.snapshots`,
          [0, 1, 2].map((minute) => `# 2026-11-22T15:${10 + minute}:00Z ${host}\n${text}`).join(''),
        )
      }
    },
    { verdict: 0 },
  ],
  ['conntrack without id', stripIds],
  ['conntrack without extended', stripExtended],
  [
    'conntrack without id and extended',
    (one) => {
      stripIds(one)
      stripExtended(one)
    },
  ],
  ['conntrack without counters', stripCounters],
  ['conntrack without delta-time', stripDeltas],
  ['conntrack with ktimestamp', (one) => addKernelTimes(one, 0)],
  [
    'conntrack with ktimestamp and no NEW, in Asia/Kolkata',
    (one) => {
      addKernelTimes(one, 330)
      withoutEvents(one, 'NEW')
      rewriteHeaders(one, traditional(330))
      edit(one, /^gw2\/kern/, (text) =>
        text.replace(/^Nov 22 (\d\d:\d\d:\d\d)/gm, (_, clock: string) =>
          traditionalAt(Date.parse(`2026-11-22T${clock}Z`) + 330 * 60_000),
        ),
      )
      pipeline(one, 'name: k\nhosts:\n  gw1: { timezone: Asia/Kolkata }\n  gw2: { timezone: "+05:30" }\n')
    },
    FEWER_LOGINS,
  ],
  ['conntrack without UPDATE', (one) => withoutEvents(one, 'UPDATE')],
  ['conntrack without NEW', (one) => withoutEvents(one, 'NEW'), FEWER_LOGINS],
  [
    'conntrack with DESTROY only',
    (one) => {
      withoutEvents(one, 'NEW')
      withoutEvents(one, 'UPDATE')
      // A DESTROY comes up to a minute late, so a start that is counted back from it is doubtful by as much.
    },
    { right: 0.92, ...FEWER_LOGINS },
  ],
  [
    'conntrack with DESTROY only, no delta-time, no kern.log',
    (one) => {
      withoutEvents(one, 'NEW')
      withoutEvents(one, 'UPDATE')
      stripDeltas(one)
      remove(one, /kern\.log/)
      reviseEvidence(one, (proof) => proof.set('has_nft', false))
    },
    { found: 0.99, right: 0.8, ...NO_LOGINS },
  ],
  [
    'conntrack without NEW, no kern.log',
    (one) => {
      withoutEvents(one, 'NEW')
      remove(one, /kern\.log/)
      reviseEvidence(one, (proof) => proof.set('has_nft', false))
    },
    { found: 0.99, right: 0.8, ...FEWER_LOGINS },
  ],
  [
    'conntrack with NEW only',
    (one) => {
      withoutEvents(one, 'DESTROY')
      withoutEvents(one, 'UPDATE')
    },
  ],
  [
    'no conntrack',
    (one) => {
      remove(one, /conntrack/)
      reviseEvidence(one, (proof) => proof.set('has_conntrack_new', false).set('has_conntrack_destroy', false))
    },
    FEWER_LOGINS,
  ],
  // A peer with 0.0.0.0/0 used addresses that are nobody's: without an interface nothing makes them a peer's (design 5.5).
  [
    'no kern.log',
    (one) => {
      remove(one, /kern\.log/)
      reviseEvidence(one, (proof) => proof.set('has_nft', false))
    },
    { found: 0.99 },
  ],
  ['no inventory', (one) => remove(one, /inventory\.yaml$/), { owner: 0, ...NO_LOGINS }],
  ['compressed', compressAll],
  [
    'rotated often',
    (one) => {
      for (const host of ['gw1', 'gw2']) {
        rotate(one, `${host}/kern.log`, 12)
        rotate(one, `${host}/conntrack.log`, 12)
        rotate(one, `${host}/wg.snapshots`, 5, (line) => line.startsWith('#'))
      }
    },
  ],
  ['messages with dateext', (one) => asMessages(one, 'gw1')],
  ['a second tunnel with the same addresses', (one) => addTwinInterface(one, 'wg1'), { right: 0.92 }],
  [
    'a second tunnel, no kern.log',
    (one) => {
      addTwinInterface(one, 'wg1')
      remove(one, /kern\.log/)
      reviseEvidence(one, (proof) => proof.set('has_nft', false))
    },
    { found: 0.99, right: 0, ...NO_LOGINS },
  ],
  [
    'a second tunnel, no conntrack',
    (one) => {
      addTwinInterface(one, 'wg1')
      remove(one, /conntrack/)
      reviseEvidence(one, (proof) => proof.set('has_conntrack_new', false).set('has_conntrack_destroy', false))
    },
    FEWER_LOGINS,
  ],
  ['snapshots every 3 s, about', (one) => thin(one, 3, 1, createRandom(3).next), { right: 0.9 }],
  ['snapshots every 10 s, about', (one) => thin(one, 10, 3, createRandom(10).next), { right: 0.8, ...FEWER_LOGINS }],
  ['snapshots at random', (one) => thin(one, 15, 14, createRandom(15).next), { right: 0 }],
  ['snapshot rows shuffled', (one) => shuffleRows(one, createRandom(1).next)],
  ['through Windows: CRLF', (one) => edit(one, /\.log|snapshots|yaml$/, (text) => text.replaceAll('\n', '\r\n'))],
  ...[3, -3, 40, 7200, -7200].map(
    (seconds): Variant => [
      `clock set by ${seconds} s in the middle`,
      (one) => shiftTimes(one, seconds, 1_795_360_300),
      { found: 0, right: 0, owner: 0, verdict: 0, nat: 0, bytes: 0, ...NO_LOGINS },
    ],
  ),
  [
    'dmesg: no wall clock',
    (one) => {
      rewriteHeaders(one, dmesg)
    },
    { found: 0, right: 0, owner: 0, verdict: 0, nat: 0, bytes: 0 },
  ],
  [
    'dmesg of the kernel alone, the boot time configured',
    (one) => {
      // The kernel's ring holds no line of another program.
      rewriteHeaders(one, (line) => (line.tag === 'kernel' && !isForged(line) ? dmesg(line) : ''))
      // Stamps of the capture and its uptimes are this far apart.
      edit(one, /^pipeline\.yaml$/, (text) => `${text.trimEnd()}\n  gw1: { booted: "2026-11-22T14:05:54.521Z" }\n`)
    },
  ],
]

const PREFIXES = `name: p
hosts:
  gw1:
    prefixes:
      - { match: "[edge] wg-deny ", verdict: dropped }
      - { match: "[edge] wg-allow ", verdict: accepted }
      - { match: "[edge] wg-sample ", verdict: accepted }
  gw2:
    timezone: UTC
    prefixes: [{ match: WG-ACCEPT, verdict: accepted }, { match: WG-REJECT, verdict: rejected }]
`

const JUDGED = VARIANTS.map(([name, change, special]) => ({ name, change, bars: { ...BARS, ...special } }))

describe.each(JUDGED)('$name', ({ change, bars }) => {
  test('nothing wrong, and as much found as before', async () => {
    const one = await demoCase()
    change(one)
    const { verdict, printed, exit } = await replayCase(one)
    expect(exit).toBe(0)
    expect(FATAL.flatMap((kind) => (verdict.errors.get(kind) ?? []).map((what) => `${kind}: ${what}`))).toEqual([])
    expect(verdict.counts.get('claims true')).toBe(verdict.counts.get('claims'))
    expect(missedBars(verdict, bars)).toEqual([])
    for (const row of printedRows(printed)) expect(row.counted, row.source).toBe(row.lines)
  })
})

describe('no snapshots', () => {
  test('nothing is exact; whom the inventory names is a candidate, with the reason', async () => {
    const one = await demoCase()
    remove(one, /wg\.snapshots$/)
    const { verdict, ndjson } = await replayCase(one)
    expect(verdict.counts.get('claims')).toBeUndefined()
    expect(verdict.ratio('found', 'evidence')).toBe(1)
    expect(verdict.ratio('ambiguous', 'evidence')).toBeGreaterThan(0.95)
    // Of two logins at once from one address, neither is told apart.
    for (const [, reason] of ndjson.matchAll(/"status":"ambiguous",[^}]*"reason":"([^"]*)"/g))
      expect(['not-observed', 'several-logins']).toContain(reason)
  })

  test('nor without an inventory', async () => {
    const one = await demoCase()
    remove(one, /wg\.snapshots$|inventory\.yaml$/)
    const { verdict } = await replayCase(one)
    expect([verdict.counts.get('claims'), verdict.counts.get('ambiguous')]).toEqual([undefined, undefined])
  })
})
