/** The judge itself, on made-up truths and documents: it must find what is wrong, and only that. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SECOND, toIso } from '../../src/time.ts'
import { createCertainTimes } from './certain-times.ts'
import { type Found, found } from './found-documents.ts'
import { judgeAttempts } from './judge-attempts.ts'
import { judgeCoverage } from './judge-coverage.ts'
import { judgeSecrets, judgeTwice } from './judge-laws.ts'
import type { Attempt, Change, Outage, Truth } from './truth.ts'

const START = 1_795_400_000 * SECOND
const at = (seconds: number) => START + seconds * SECOND

const ATTEMPT: Attempt = {
  what: 'accepted',
  client: 'alice',
  key: 'KEY-OF-ALICE=',
  transport: 'tcp',
  source: '10.8.0.2',
  sourcePort: 20_001,
  destination: '10.20.0.10',
  destinationPort: 5432,
  target: '',
  verdict: 'accepted',
  isVerdictNew: false,
  outcome: 'connected',
  isCertain: true,
  from: at(20),
  to: at(20.1),
}

function truthOf(
  attempts: readonly Attempt[],
  changes: readonly Change[] = [],
  outages: readonly Outage[] = [],
): Truth {
  return {
    startedAt: START,
    attempts: [...attempts],
    changes: [...changes],
    outages: [...outages],
    logins: [],
    secrets: [],
  }
}

type Answer = {
  readonly key?: string
  readonly status?: string
  readonly verdict?: string
  readonly reason?: string
  readonly candidates?: readonly string[]
}

function line({ key = ATTEMPT.key, status = 'exact', verdict = 'accepted', reason, candidates }: Answer = {}): Found {
  return found(
    JSON.stringify({
      '@timestamp': toIso(ATTEMPT.from),
      event: { id: 'a', dataset: 'wireguard.firewall', action: 'firewall-accept', original: 'one line' },
      source: { ip: ATTEMPT.source, port: ATTEMPT.sourcePort },
      wireguard: {
        attribution: { status, reason, candidates },
        flow: { verdict },
        peer: { public_key: key, owner: { email: 'alice@example.com' } },
      },
    }),
  )
}

function flow(action: string, outcome = 'connected', id = 'f1'): Found {
  return found(
    JSON.stringify({
      '@timestamp': toIso(ATTEMPT.from),
      event: { id: `${action} ${id}`, dataset: 'wireguard.flow', action },
      source: { ip: ATTEMPT.source, port: ATTEMPT.sourcePort },
      wireguard: {
        attribution: { status: 'exact' },
        flow: { id, outcome },
        peer: { public_key: ATTEMPT.key, owner: { email: 'alice@example.com' } },
      },
    }),
  )
}

const POLLS = Array.from({ length: 60 }, (_, i) => at(i))
const WHOLE = [line(), flow('flow-started'), flow('flow-ended')]

function faults(documents: readonly Found[], truth = truthOf([ATTEMPT]), polls: readonly number[] = POLLS): string[] {
  const times = createCertainTimes(polls, truth.changes, truth.outages)
  return judgeAttempts(truth, documents, times, false).flatMap((row) => row.faults)
}

describe('attempts', () => {
  test('found with the right key, verdict and outcome are right', () => {
    expect(faults(WHOLE)).toEqual([])
  })

  test.each([
    ['no firewall document', WHOLE.slice(1)],
    ['no flow', [line()]],
    ['has no end', [line(), flow('flow-started')]],
    ['verdict dropped', [line({ verdict: 'dropped' }), ...WHOLE.slice(1)]],
    ['exact, and the wrong key', [line({ key: 'KEY-OF-BOB=' }), ...WHOLE.slice(1)]],
    ['though the polls leave no doubt', [line({ status: 'ambiguous', candidates: [ATTEMPT.key] }), ...WHOLE.slice(1)]],
    ['outcome refused', [line(), flow('flow-started'), flow('flow-ended', 'refused')]],
    ['2 flows of one connection', [...WHOLE, flow('flow-started', 'connected', 'f2')]],
  ])('%s', (fault, documents) => {
    expect(faults(documents)).toEqual([expect.stringContaining(fault)])
  })

  test('that WireGuard discards may not be found', () => {
    const blocked = truthOf([{ ...ATTEMPT, verdict: 'none', outcome: 'no-answer' }])
    expect(faults([], blocked)).toEqual([])
    expect(faults(WHOLE, blocked)).toEqual([expect.stringContaining('was let through')])
  })

  test('around a change may be ambiguous, but never exactly wrong, nor without the right candidate', () => {
    const change: Change = {
      what: 'address-moved',
      how: 'to',
      key: ATTEMPT.key,
      addresses: [ATTEMPT.source],
      from: at(20.2),
      to: at(20.3),
    }
    const truth = truthOf([ATTEMPT], [change])
    const doubt = (candidates: string[]) => [
      line({ status: 'ambiguous', reason: 'holder-changing', candidates }),
      ...WHOLE.slice(1),
    ]
    expect(faults(doubt(['KEY-OF-BOB=', ATTEMPT.key]), truth)).toEqual([])
    expect(faults(doubt(['KEY-OF-BOB=']), truth)).toEqual([expect.stringContaining('no candidate')])
    expect(faults([line({ key: 'KEY-OF-BOB=' }), ...WHOLE.slice(1)], truth)).toEqual([
      expect.stringContaining('the wrong key'),
    ])
  })

  test('may be ambiguous where polls are missing', () => {
    const doubt = [line({ status: 'ambiguous', reason: 'ledger-gap', candidates: [ATTEMPT.key] }), ...WHOLE.slice(1)]
    const holed = POLLS.filter((poll) => poll < at(18) || poll > at(22))
    expect(faults(doubt, truthOf([ATTEMPT]), holed)).toEqual([])
  })
})

describe('coverage', () => {
  const outage: Outage = { of: 'conntrack', from: at(30), to: at(33) }
  const gap = (source: string, from: number, to: number) =>
    found(
      JSON.stringify({
        event: {
          id: `${source} ${from}`,
          action: 'source-gap',
          start: toIso(at(from)),
          end: toIso(at(to)),
          reason: 'made',
        },
        wireguard: { coverage: { source } },
      }),
    )
  const judged = (documents: readonly Found[], polls: readonly number[] = POLLS) =>
    judgeCoverage(truthOf([], [], [outage]), documents, createCertainTimes(polls, [], [outage])).flatMap(
      (row) => row.faults,
    )

  test('an outage has its gap', () => {
    expect(judged([gap('conntrack', 30, 32)])).toEqual([])
    expect(judged([])).toEqual([expect.stringContaining('conntrack was killed: no gap of conntrack')])
  })

  test('a gap has its outage, or its missing polls', () => {
    const missing = POLLS.filter((poll) => poll < at(41) || poll > at(43))
    const documents = [gap('conntrack', 30, 32), gap('wireguard', 40, 44)]
    expect(judged(documents, missing)).toEqual([])
    expect(judged(documents)).toEqual([expect.stringContaining('gap of wireguard (made), and nothing was lost')])
    expect(judged([gap('conntrack', 30, 32), gap('conntrack', 10, 12)])).toEqual([
      expect.stringContaining('nothing was lost'),
    ])
  })
})

test('one line or one connection told twice is noticed', () => {
  expect(judgeTwice(WHOLE).faults).toEqual([])
  expect(judgeTwice([...WHOLE, line()]).faults).toEqual(['2 times id a', '2 times line one line'])
  expect(judgeTwice([...WHOLE, flow('flow-ended')]).faults).toContain('2 times flow-ended f1')
})

describe('secrets', () => {
  const key = Buffer.alloc(32, 0xa7)
  const secret = key.toString('base64')

  function judged(content: string | Buffer, documents: readonly Found[] = []): number {
    const dir = mkdtempSync(join(tmpdir(), 'lab-judge-'))
    onTestFinished(() => rmSync(dir, { recursive: true }))
    const daemon = { stateDir: join(dir, 'state'), store: join(dir, 'store'), log: join(dir, 'log') }
    for (const each of [daemon.stateDir, daemon.store]) mkdirSync(each)
    writeFileSync(daemon.log, '')
    mkdirSync(join(daemon.stateDir, 'journals'))
    writeFileSync(join(daemon.stateDir, 'journals', 'wg.snapshots'), content)
    return judgeSecrets({ secrets: [secret] }, daemon, documents).faults.length
  }

  test.each([
    ['as wg prints it', `wg0\t${secret}\t`],
    ['in hex', `private_key=${key.toString('hex')}`],
    ['as bytes', Buffer.concat([Buffer.from('x'), key])],
  ])('%s is found', (_, content) => {
    expect(judged(content)).toBe(1)
  })

  test('is found in a document', () => {
    expect(judged('', [found(JSON.stringify({ error: { message: secret } }))])).toBe(1)
  })

  test('is not seen where there is none', () => {
    expect(judged('wg0\t(hidden)\t', WHOLE)).toBe(0)
  })
})
