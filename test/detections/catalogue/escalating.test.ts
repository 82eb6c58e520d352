import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DetectionAbout, Tally } from '../../../src/detections/catalogue/detection.ts'
import { createEscalating, type SavedEscalating, SUBJECTS_MAX } from '../../../src/detections/catalogue/escalating.ts'
import { type Event, flatten } from '../../../src/event.ts'
import type { Fields } from '../../../src/fields.ts'
import { HOUR, MINUTE, SECOND } from '../../../src/time.ts'
import { expectUniqueIds } from '../../event-rules.ts'
import { restored } from '../../restored.ts'

const T0 = 1_795_345_200 * SECOND
const SPAN = 10 * SECOND
const ABOUT: DetectionAbout = {
  id: 'made-up',
  title: 'Made up',
  description: 'For this test.',
  severity: 2,
  origin: 'detection',
  attack: [],
  runbook: [],
  limits: {},
  suppression: HOUR,
  baseline: 0,
  query: '*',
  knownGaps: [],
}

type Step = { readonly at: number; readonly rank: number; readonly subject: string }

/** One document `at` seconds after T0, alone in its stretch of time. */
function tallyOf({ at, subject }: Step): Tally {
  const time = T0 + at * SECOND
  const start = Math.floor(time / SPAN) * SPAN
  return {
    key: subject,
    start,
    end: start + SPAN,
    count: 1,
    sum: 0,
    distinct: [String(at)],
    evidence: [{ id: `${subject}-${at}`, at: time }],
    first: { 'host.name': 'db1' },
    firstAt: time,
    lastAt: time,
    related: { ip: [], hosts: ['db1'], user: [] },
  }
}

function findings(steps: readonly Step[], { ticks = [] as readonly number[], isCut = false } = {}): Fields[] {
  const found: Event[] = []
  const open = (saved?: SavedEscalating) =>
    createEscalating(
      {
        about: ABOUT,
        window: MINUTE,
        isRenewed: true,
        describe: ({ rank, count }) => ({ summary: `rank ${rank}, ${count} times` }),
      },
      (event) => found.push(event),
      saved,
    )
  let escalating = open()
  for (const step of steps.toSorted((a, b) => tallyOf(a).end - tallyOf(b).end)) {
    const tally = tallyOf(step)
    if (isCut) escalating = open(restored(escalating.save()))
    // As the catalogue does: a tally has its turn before a watermark passes its end.
    for (const at of ticks) if (T0 + at * SECOND < tally.end) escalating.tick(T0 + at * SECOND)
    escalating.add(step.subject, step.rank, tally)
  }
  escalating.tick(Number.POSITIVE_INFINITY)
  expectUniqueIds(found)
  return found.map((event) => flatten(event))
}

function said(steps: readonly Step[]): (string | undefined)[] {
  return findings(steps).map((finding) => finding['wireguard.finding.summary'])
}

const at = (time: number, rank = 1, subject = 'a'): Step => ({ at: time, rank, subject })

describe('what is said', () => {
  test('all that comes within the window of the first is one finding, of the highest rank', () => {
    const [finding, ...others] = findings([at(0), at(20, 3), at(60, 2)])
    expect(others).toEqual([])
    expect(finding).toMatchObject({
      '@timestamp': T0,
      'wireguard.finding.summary': 'rank 3, 3 times',
      'wireguard.finding.evidence_ids': ['a-0', 'a-20', 'a-60'],
      'wireguard.finding.count': 3,
    })
  })

  test('the same and less stay quiet, and prolong it', () => {
    expect(said([at(0, 2), at(200, 1), at(3000, 2), at(6000, 2)])).toEqual(['rank 2, 1 times'])
  })

  test('unless it is not renewed: then the same is said again after the suppression', () => {
    const found: Event[] = []
    const escalating = createEscalating(
      { about: ABOUT, window: MINUTE, describe: () => ({ summary: 'there' }) },
      (event) => found.push(event),
    )
    for (const time of [0, 3000, 3700]) escalating.add('a', 1, tallyOf(at(time)))
    escalating.tick(Number.POSITIVE_INFINITY)
    expect(found.map((event) => event.own['@timestamp'])).toEqual([T0, T0 + 3700 * SECOND])
  })

  test('what ranks higher is said though the subject is quiet', () => {
    expect(said([at(0, 1), at(200, 2), at(400, 3), at(600, 2)])).toEqual([
      'rank 1, 1 times',
      'rank 2, 1 times',
      'rank 3, 1 times',
    ])
  })

  test('after the suppression it begins anew', () => {
    expect(said([at(0, 3), at(3700, 1)])).toEqual(['rank 3, 1 times', 'rank 1, 1 times'])
  })

  test('subjects do not silence each other', () => {
    expect(said([at(0, 1, 'a'), at(5, 1, 'b')])).toHaveLength(2)
  })
})

const steps = fc.array(
  fc.record({
    at: fc.integer({ min: 0, max: 12_000 }),
    rank: fc.integer({ min: 1, max: 3 }),
    subject: fc.constantFrom('a', 'b'),
  }),
  { maxLength: 40 },
)

test('whatever ticks come between, and however often it is saved, the findings are the same', () => {
  fc.assert(
    fc.property(steps, fc.array(fc.integer({ min: 0, max: 13_000 }), { maxLength: 20 }), (given, ticks) => {
      const whole = findings(given).map((finding) => JSON.stringify(finding))
      const sorted = ticks.toSorted((a, b) => a - b)
      const inSteps = findings(given, { ticks: sorted, isCut: true }).map((finding) => JSON.stringify(finding))
      expect(inSteps.toSorted()).toEqual(whole.toSorted())
    }),
  )
})

test('one more subject than are kept closes the oldest', () => {
  const found: Event[] = []
  const escalating = createEscalating(
    { about: ABOUT, window: MINUTE, describe: () => ({ summary: 'there' }) },
    (event) => found.push(event),
  )
  for (let n = 0; n <= SUBJECTS_MAX; n++) escalating.add(`s${n}`, 1, tallyOf(at(0)))
  expect(escalating.save().size).toBe(SUBJECTS_MAX)
  expect(found.map((event) => flatten(event)['wireguard.finding.subject'])).toEqual(['s0'])
})
