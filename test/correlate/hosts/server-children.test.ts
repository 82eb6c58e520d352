/** Children of servers and their connections: what is known of them goes on as it was when it is saved and made anew. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createOrigin, type Origin } from '../../../src/correlate/hosts/origin.ts'
import { createServerChildren, type ServerChildren } from '../../../src/correlate/hosts/server-children.ts'
import { MS, SECOND } from '../../../src/time.ts'
import { restored } from '../../restored.ts'

const SSHD = { name: 'sshd', executable: '/usr/sbin/sshd' }
const CLIENTS = ['10.8.0.2', '10.8.0.3']

const step = fc.record({
  what: fc.constantFrom('accepted', 'start', 'speaks', 'calls', 'bore', 'answer', 'resolve', 'resolve', 'resolve'),
  pid: fc.integer({ min: 950, max: 954 }),
  client: fc.constantFrom(...CLIENTS),
  /** How many tenths of a second later. */
  later: fc.integer({ min: 0, max: 8 }),
  isProven: fc.boolean(),
})
type Step = { what: string; pid: number; client: string; later: number; isProven: boolean }

/** What the steps make known, one line each; made anew before the steps of `cuts`. */
function story(steps: readonly Step[], cuts: ReadonlySet<number>): string[] {
  // Origins are known by their times here: each is made at another one.
  let at = 0
  let origins: Origin[] = []
  let children: ServerChildren = createServerChildren('db1', () => false)
  const lines: string[] = []
  for (const [serial, { what, pid, client, later, isProven }] of steps.entries()) {
    if (cuts.has(serial)) {
      const saved = restored({ origins, children: children.save() })
      origins = saved.origins
      children = createServerChildren('db1', () => false, saved.children)
    }
    at += later * 100 * MS + 1
    const speaker = { pid, ppid: isProven ? 900 : -1, serial, at, process: { pid, ...SSHD } }
    if (what === 'accepted') {
      const origin = createOrigin('db1', { ip: client, port: serial }, at, { pid: 900, ...SSHD })
      origins.push(origin)
      children.accepted(origin, 900, serial)
    } else if (what === 'start') children.calls({ ...speaker, ppid: 900 }, true)
    else if (what === 'speaks') children.speaks(speaker, client)
    else if (what === 'calls') lines.push(`${children.calls(speaker, false)?.from}`)
    else if (what === 'bore') children.bore(pid)
    else if (what === 'resolve') children.resolve(at - SECOND)
    // Which answer is none of their business.
    else for (const origin of origins.slice(0, 1)) origin.answer = NO_ANSWER
    if (serial % 7 === 0) origins.push(...children.takeFresh())
    lines.push(`${children.isServed(pid)} ${children.isKnown(pid, client, at)}`, ...origins.map(describeOrigin))
  }
  return lines
}

const NO_ANSWER: Origin['answer'] = {
  status: 'unknown',
  method: '',
  reason: 'no-flow',
  flow: null,
  publicKey: '',
  candidates: [],
  hops: [],
  identity: { fields: {}, members: new Map() },
  people: [],
  hosts: [],
  addresses: [],
}

function describeOrigin({ from, clientIp, among, amongAt, isResolved, isStray }: Origin): string {
  return [from, clientIp, among.map((each) => each.from).join('|'), amongAt, isResolved, isStray].join(' ')
}

test('wherever they are cut', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 20, maxLength: 60 }),
      fc.array(fc.nat({ max: 59 }), { minLength: 1 }),
      (steps, cuts) => {
        expect(story(steps, new Set(cuts))).toEqual(story(steps, new Set()))
      },
    ),
    { numRuns: 500 },
  )
})
