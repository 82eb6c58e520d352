import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { displayWidth } from '../../src/commands/display-width.ts'
import { endsOf, place } from '../../src/commands/document-ends.ts'
import { documentLine, LINE_FIELDS } from '../../src/commands/document-line.ts'
import { createLinePrinter } from '../../src/commands/line-layout.ts'
import type { Fields } from '../../src/fields.ts'
import { micros } from './made-store.ts'
import { createMemoryTerminal } from './memory-terminal.ts'
import { type StoredDemo, storeDemo } from './stored-demo.ts'

const AT = micros('2026-11-22T15:09:29.604Z')

function printed(document: Fields, width = 200): string {
  const text = createLinePrinter(createMemoryTerminal(), width).print([
    documentLine({ '@timestamp': AT, 'event.action': 'x', ...document }),
  ])
  return text.split('\n')[1]?.replace(/^15:09:29\.604 {2}x {2}/, '') ?? ''
}

describe('documents of the demo', () => {
  let demo: StoredDemo
  beforeAll(async () => {
    demo = await storeDemo()
  })
  afterAll(() => demo.remove())

  test('one of each kind, as a line', async () => {
    const kinds = new Map<string, Fields>()
    for (const document of demo.documents) {
      const names = ['event.dataset', 'event.action', 'event.reason', 'wireguard.attribution.status'] as const
      const kind = names.map((name) => document[name] ?? '').join(' ')
      if (!kinds.has(kind)) kinds.set(kind, document)
    }
    const lines = [...kinds].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, document]) => documentLine(document))
    const text = createLinePrinter(createMemoryTerminal(), 100).print(lines)
    await expect(text).toMatchFileSnapshot('../fixtures/document-lines/demo/expected.txt')
  })

  test('the fields a line needs are all it needs', () => {
    for (const document of demo.documents) {
      const less = Object.fromEntries(LINE_FIELDS.map((name) => [name, document[name]])) as Fields
      expect(documentLine(less)).toEqual(documentLine(document))
    }
  })
})

describe('ends', () => {
  const base: Fields = {
    'source.ip': '10.8.0.2',
    'source.port': 40005,
    'destination.ip': '10.8.0.1',
    'destination.port': 53,
    'network.transport': 'udp',
  }

  test('what the server saw stands behind the end that NAT changed', () => {
    const document: Fields = {
      ...base,
      'source.nat.ip': '192.0.2.1',
      'source.nat.port': 6100,
      'destination.nat.ip': '10.20.0.53',
      'destination.nat.port': 53,
    }
    expect(endsOf(document)).toEqual([
      '10.8.0.2:40005 (as 192.0.2.1:6100) → 10.8.0.1:53 (at 10.20.0.53:53) udp',
      '10.8.0.2:40005 → 10.8.0.1:53 (at 10.20.0.53:53) udp',
      '10.8.0.2:40005 → 10.8.0.1:53 udp',
      '10.8.0.2 → 10.8.0.1:53 udp',
      '10.8.0.2 → 10.8.0.1:53',
    ])
  })

  test('addresses with ports of IPv6 have brackets; ICMP has no ports', () => {
    expect(place('fd08::2', 22)).toBe('[fd08::2]:22')
    expect(place('fd08::2', undefined)).toBe('fd08::2')
    expect(endsOf({ 'source.ip': '10.8.0.2', 'destination.ip': '10.8.0.1', 'network.transport': 'icmp' })).toEqual([
      '10.8.0.2 → 10.8.0.1 icmp',
      '10.8.0.2 → 10.8.0.1',
    ])
  })

  test('an end that is not known is left out', () => {
    expect(endsOf({})).toEqual([])
    expect(endsOf({ 'source.ip': '10.8.0.2', 'source.port': 1 })).toEqual(['10.8.0.2:1', '10.8.0.2'])
    expect(endsOf({ 'destination.ip': '10.8.0.2', 'destination.port': 1 })).toEqual(['→ 10.8.0.2:1'])
  })
})

describe('who', () => {
  const who = (document: Fields) => documentLine(document).who
  const key = 'e3WudW7mWm/WxncV7j4EVjh3b+UPlxjJA8tX2+OSbVc='
  const exact: Fields = { 'wireguard.attribution.status': 'exact', 'wireguard.peer.public_key': key }

  test('a name, else the beginning of the key', () => {
    expect(who({ ...exact, 'wireguard.peer.name': 'ivy' })).toEqual({ text: 'ivy', style: null })
    expect(who(exact)).toEqual({ text: 'e3WudW7m…', style: null })
  })

  test('a receiver and two peers are told apart from a sender', () => {
    expect(who({ ...exact, 'wireguard.peer.name': 'ivy', 'wireguard.peer.role': 'destination' }).text).toBe('→ ivy')
    expect(who({ ...exact, 'wireguard.peer.name': 'ivy', 'wireguard.target_peer.name': 'oak' }).text).toBe('ivy → oak')
    expect(who({ ...exact, 'wireguard.target_peer.public_key': 'QkQkQkQkQkQk=' }).text).toBe('e3WudW7m… → QkQkQkQk…')
  })

  test('without a key, why there is none', () => {
    const unknown: Fields = { 'wireguard.attribution.status': 'unknown', 'wireguard.attribution.reason': 'no-holder' }
    expect(who(unknown)).toEqual({ text: '? no-holder', style: 'yellow' })
    expect(who({ 'wireguard.attribution.status': 'ambiguous' })).toEqual({ text: '? ambiguous', style: 'yellow' })
    expect(who({})).toEqual({ text: '', style: null })
  })

  test('a name that is not certain says so', () => {
    expect(who({ ...exact, 'wireguard.attribution.status': 'ambiguous' })).toEqual({
      text: 'e3WudW7m… ?',
      style: 'yellow',
    })
  })
})

describe('colour', () => {
  const styles = (document: Fields) => {
    const { what, end } = documentLine(document)
    return [what.style, end.style]
  }
  const flow: Fields = { 'event.dataset': 'wireguard.flow' }

  test('red for what was denied or refused, yellow for doubt and loss, faint for the pulse', () => {
    expect(styles({ 'event.dataset': 'wireguard.firewall', 'event.type': ['connection', 'denied'] })[0]).toBe('red')
    expect(styles({ 'event.dataset': 'wireguard.firewall', 'event.type': ['connection', 'allowed'] })[0]).toBeNull()
    expect(styles({ ...flow, 'wireguard.flow.outcome': 'refused' })[1]).toBe('red')
    expect(styles({ ...flow, 'wireguard.flow.outcome': 'connected' })[1]).toBeNull()
    expect(styles({ ...flow, 'wireguard.policy.result': 'violation' })[1]).toBe('yellow')
    expect(styles({ 'event.dataset': 'wireguard.coverage', 'event.action': 'source-gap' })[0]).toBe('yellow')
    expect(styles({ 'event.dataset': 'wireguard.coverage', 'event.action': 'source-heartbeat' })[0]).toBe('dim')
    expect(styles({ 'event.dataset': 'wireguard.finding', 'event.severity': 4 })[0]).toBe('red')
    expect(styles({ 'event.dataset': 'wireguard.finding', 'event.severity': 2 })[0]).toBe('yellow')
  })
})

describe('words', () => {
  test('of a denied packet the policy has nothing to add', () => {
    const packet: Fields = {
      'event.dataset': 'wireguard.firewall',
      'source.ip': '10.8.0.2',
      'wireguard.policy.result': 'violation',
    }
    expect(printed({ ...packet, 'event.type': ['denied'] })).toBe('10.8.0.2')
    expect(printed({ ...packet, 'event.type': ['allowed'] })).toBe('10.8.0.2  violation')
  })

  test('changes say before and after', () => {
    const change: Fields = { 'event.dataset': 'wireguard.session', 'event.action': 'allowed-ips-changed' }
    expect(
      printed({
        ...change,
        'wireguard.change.before': ['10.8.0.2/32'],
        'wireguard.change.after': ['10.8.0.2/32', '10.9.0.0/24'],
      }),
    ).toContain('10.8.0.2/32 → 10.8.0.2/32 10.9.0.0/24')
    expect(printed({ ...change, 'wireguard.change.before': ['10.8.0.2/32'] })).toContain('10.8.0.2/32 → none')
  })

  test('counters say what they count', () => {
    expect(
      printed({
        'event.dataset': 'wireguard.peer',
        'host.name': 'gw1',
        'wireguard.interface.name': 'wg0',
        'wireguard.peer.rx.bytes': 1200,
        'wireguard.peer.tx.bytes': 34,
        'wireguard.peer.handshake_age': 60,
      }),
    ).toBe('gw1 wg0 received 1.2 kB, sent 34 B handshake 60 s ago')
  })

  test('a dataset without words of its own still says who, where and why', () => {
    const audit: Fields = {
      'event.dataset': 'wireguard.audit',
      'host.name': 'db1',
      'event.original': 'type=EXECVE a0=id',
    }
    expect(printed(audit)).toBe('db1 type=EXECVE a0=id')
    expect(printed({ 'event.dataset': 'made.up', 'source.ip': '10.8.0.2', 'host.name': 'db1' })).toBe('10.8.0.2 db1')
  })
})

/** Any text, any number: nothing in a document is trusted. */
const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '\u001b[2J',
    '\u202eabc',
    '\n',
    '=cmd()',
    'x'.repeat(300),
    'wireguard.flow',
    'source-gap',
    'peer-added',
  ),
)
const anything = fc.record(
  Object.fromEntries(
    LINE_FIELDS.map((name) => [
      name,
      /port|bytes|duration|severity|count|seen|events|lost|age|start|end$|@time/.test(name)
        ? fc.oneof(fc.integer(), fc.double(), fc.maxSafeInteger())
        : /event\.type|allowed_ips|change\./.test(name)
          ? fc.array(value, { maxLength: 4 })
          : name === 'event.dataset'
            ? fc
                .constantFrom('flow', 'firewall', 'session', 'coverage', 'finding', 'peer', 'x')
                .map((it) => `wireguard.${it}`)
            : value,
    ]),
  ),
  { requiredKeys: [] },
)

test('any document is one line of limited width, without control characters', () => {
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 5 }), fc.integer({ min: 0, max: 220 }), (documents, width) => {
      const lines = (documents as Fields[]).map(documentLine)
      const text = createLinePrinter(createMemoryTerminal(), width).print(lines)
      const rows = text.split('\n').slice(0, -1)
      const headings = rows.filter((row) => /^(?:[\d?]{4}-[\d?]{2}-[\d?]{2})(?:, times in UTC)?$/.test(row))
      expect(rows.length).toBe(lines.length + headings.length)
      for (const row of rows) {
        expect(displayWidth(row)).toBeLessThanOrEqual(Math.max(100, width))
        expect(row).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      }
    }),
    { numRuns: 300 },
  )
})

test('a finding is told by its sentence and severity, what is accepted as such, and who handled it', () => {
  const finding: Fields = {
    'event.dataset': 'wireguard.finding',
    'event.action': 'port-scan',
    'event.severity': 3,
    'rule.name': 'Port scan',
    'wireguard.finding.summary': 'dogwood was refused at 40 ports',
    'wireguard.finding.count': 40,
  }
  const line = documentLine(finding)
  expect(line.story).toEqual(['dogwood was refused at 40 ports'])
  expect(line.end.text).toBe('high')
  expect(documentLine({ ...finding, 'wireguard.finding.exception': 'pentest' }).end.text).toBe('accepted')
  const handled = documentLine({
    'event.dataset': 'wireguard.finding',
    'event.action': 'finding-acknowledged',
    'rule.name': 'Port scan',
    'event.reason': 'planned',
    'wireguard.finding.handled_by': 'Carol',
    'wireguard.finding.case': 'INC-7',
  })
  expect(handled).toMatchObject({ story: ['Port scan'], extras: ['planned'], end: { text: 'Carol, INC-7' } })
})
