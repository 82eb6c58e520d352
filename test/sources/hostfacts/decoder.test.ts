import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createHostFactsDecoder,
  type HostFactsRecord,
  parseHostFacts,
  type SavedHostFactsDecoder,
} from '../../../src/sources/hostfacts/decoder.ts'
import { NOT_IN_DUMP } from '../../../src/sources/hostfacts/facts.ts'
import type { Line, SourceFile, Unparsed } from '../../../src/sources/source.ts'
import { publicKeyOf } from '../../../src/sources/wireguard/key-traces.ts'
import { GOOD_FACTS } from '../../posture/made-host.ts'
import { privateKey } from '../wireguard/made-keys.ts'

const FILE: SourceFile = { name: 'hostfacts.snapshots', identity: 'a' }
const HEADER = '# 2026-11-22T15:09:26.964+00:00 gw1'
const AT = 1_795_360_166_964_000
type Item = HostFactsRecord | Unparsed

function lines(...texts: string[]): Line[] {
  return texts.map((text, i) => ({ text, offset: i * 100, flaw: '' }))
}

function decode(fed: readonly Line[], referenceAt: number | null = null) {
  const items: Item[] = []
  const decoder = createHostFactsDecoder({ referenceAt }, (item) => items.push(item))
  for (const line of fed) decoder.push(line, FILE)
  decoder.end()
  const { lines: count, records, unparsed, skipped } = decoder.tally
  expect(records + unparsed + skipped).toBe(count)
  return { items, tally: decoder.tally }
}

describe('host facts from text', () => {
  test('come back as they were printed', () => {
    expect(parseHostFacts(JSON.stringify(GOOD_FACTS))).toEqual(GOOD_FACTS)
  })

  test('of an older version say of what came later that they do not have it', () => {
    const { kernels: _k, links: _l, packetSockets: _p, stored: _s, privateKeys: _x, ...older } = GOOD_FACTS
    const missing = { problem: NOT_IN_DUMP }
    expect(parseHostFacts(JSON.stringify(older))).toEqual({
      ...older,
      kernels: { installed: missing, packages: missing, rebootFor: missing },
      links: missing,
      packetSockets: missing,
      stored: missing,
      privateKeys: missing,
    })
  })

  test('of collect.sh are read as far as they go', () => {
    const text = `{ "version": 1, "collected_by": "collect.sh", "at": "2026-11-22T15:09:26.964+00:00", "host": "gw1",
      "kernel": { "name": "Linux", "release": "6.1.0-42-amd64", "machine": "x86_64" }, "timezone": "Europe/Berlin",
      "clock": { "uptime": "12.3", "synchronized": true }, "sysctls": { "net.netfilter.nf_conntrack_acct": "1" } }`
    expect(parseHostFacts(text)).toMatchObject({
      at: AT,
      kernel: { release: '6.1.0-42-amd64', modules: { problem: NOT_IN_DUMP } },
      sysctls: { 'net.netfilter.nf_conntrack_acct': '1' },
      clock: { chrony: { problem: NOT_IN_DUMP } },
    })
  })

  test('are refused when they are no object of version 1', () => {
    const problem = (text: string) => {
      const facts = parseHostFacts(text)
      return 'problem' in facts ? facts.problem : ''
    }
    expect([problem(''), problem('[]'), problem('{}'), problem('{"version":2}')]).toEqual([
      'is not one JSON document',
      'is no JSON object',
      'has no "version": 1',
      'has no "version": 1',
    ])
    expect(problem(`{"version":1,"x":${'['.repeat(20)}${']'.repeat(20)}}`)).toContain('nested deeper')
  })

  test('lose one fact where one has another form, and no other', () => {
    const changed = {
      ...GOOD_FACTS,
      packetSockets: [{ type: 'raw' }],
      links: 'eth0',
      udpSockets: { problem: 'permission denied' },
    }
    expect(parseHostFacts(JSON.stringify(changed))).toEqual({
      ...GOOD_FACTS,
      packetSockets: { problem: expect.stringContaining('form') },
      links: { problem: expect.stringContaining('form') },
      udpSockets: { problem: 'permission denied' },
    })
  })

  test('take names as data', () => {
    const facts = parseHostFacts(
      '{"version":1,"sysctls":{"__proto__":"1","constructor":"2"},"programs":{"__proto__":"x"}}',
    )
    expect('sysctls' in facts ? Object.entries(facts.sysctls) : []).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
    ])
    expect(Object.getPrototypeOf({})).toBe(Object.prototype)
  })

  test('keep no key that somebody wrote into them, wherever', () => {
    const key = privateKey(7)
    const facts = parseHostFacts(
      JSON.stringify({
        version: 1,
        machine: { system: `x ${key}`, hostname: { problem: `PrivateKey = ${key}` } },
        sysctls: { [key]: key },
        programs: { wg: key },
        audit: { rules: [`-w /x -k ${key}`], status: { problem: key } },
        stored: [
          {
            file: key,
            interface: key,
            publicKey: publicKeyOf(key),
            conf: { listenPort: 1, addresses: [key], hasPrivateKey: true, peers: [], problems: [] },
          },
        ],
        privateKeys: { problem: key },
      }),
    )
    expect(JSON.stringify(facts)).not.toContain(key)
    expect(JSON.stringify(facts)).toContain(publicKeyOf(key))
  })

  test('never throw, whatever stands where', () => {
    const holes = fc.dictionary(fc.constantFrom(...Object.keys(GOOD_FACTS), 'at'), fc.jsonValue())
    fc.assert(
      fc.property(holes, (value) => {
        const facts = parseHostFacts(JSON.stringify({ ...GOOD_FACTS, ...value, version: 1 }))
        if ('problem' in facts) expect(facts.problem).toContain('nested')
        else expect(facts.version).toBe(1)
      }),
    )
  })
})

describe('host facts of a real machine', () => {
  const fixture = (path: string) =>
    readFileSync(new URL(`../../fixtures/hostfacts/${path}`, import.meta.url), 'latin1').split('\n')

  test('as the product gathers them are read whole', () => {
    const { items, tally } = decode(lines(...fixture('gathered/hostfacts.snapshots')))
    expect(tally).toMatchObject({ records: 1, unparsed: 0 })
    const [item] = items
    const printed: unknown = JSON.parse(fixture('gathered/hostfacts.snapshots')[1] ?? '')
    expect(item?.kind === 'hostfacts' ? item.facts : null).toEqual(printed)
  })

  test('as collect.sh gathers them lack only what a shell cannot tell', () => {
    const { items } = decode(lines(...fixture('collected/hostfacts.json')))
    const [item] = items
    if (item?.kind !== 'hostfacts') throw new Error('no record')
    expect(item.at).toBe(item.facts.at)
    const lacking = Object.entries(item.facts).filter(([, fact]) => JSON.stringify(fact).includes(NOT_IN_DUMP))
    expect(lacking.map(([name]) => name)).toEqual(['udpSockets', 'stored', 'privateKeys'])
    expect(JSON.stringify(item.facts)).not.toContain('form that is not known')
  })
})

describe('dumps of host facts', () => {
  const text = JSON.stringify(GOOD_FACTS)

  test('go out with the time of the line before', () => {
    const { items, tally } = decode(lines(HEADER, text, '# 2026-11-22T16:09:26.964+00:00 gw1', text))
    expect(items).toMatchObject([
      { kind: 'hostfacts', arrival: AT, at: AT, facts: GOOD_FACTS },
      { kind: 'hostfacts', arrival: AT + 3_600_000_000, at: AT + 3_600_000_000, facts: GOOD_FACTS },
    ])
    expect(tally).toMatchObject({ lines: 4, records: 2, skipped: 2, unparsed: 0 })
  })

  test('without a line before have their own time, else that of the other sources', () => {
    const own = JSON.stringify({ ...GOOD_FACTS, at: '2026-11-22T15:09:26.964+00:00' }, null, 1).split('\n')
    expect(decode(lines(...own)).items).toMatchObject([{ kind: 'hostfacts', at: AT }])
    expect(decode(lines(...text.split('\n')), 77).items).toMatchObject([{ kind: 'hostfacts', at: 77, arrival: 77 }])
    expect(decode(lines(text)).items).toMatchObject([{ kind: 'unparsed', reason: 'no-time' }])
  })

  test('that cannot be read are one unparsed each, and those around them hold', () => {
    const cut: Line = { text: text.slice(0, 50), offset: 0, flaw: 'cut' }
    const { items, tally } = decode([
      ...lines(HEADER, text, HEADER, 'nonsense', '# 2026-99-99T0 gw1', text, HEADER),
      cut,
    ])
    expect(items.map((item) => (item.kind === 'unparsed' ? item.reason : item.kind))).toEqual([
      'hostfacts',
      'bad-facts',
      'bad-header',
      'cut',
    ])
    expect(tally).toMatchObject({ records: 1, unparsed: 3 })
  })

  test('show no key where they are refused: they may be a dump of wg that somebody named by mistake', () => {
    const [key, other] = [privateKey(1), privateKey(2)]
    const { items } = decode(
      lines(HEADER, `wg0\t${key}\t${publicKeyOf(key)}\t51820\toff`, HEADER, `PrivateKey=${other}`),
    )
    expect(items.map(({ kind }) => kind)).toEqual(['unparsed', 'unparsed'])
    expect(JSON.stringify(items)).not.toContain(key)
    expect(JSON.stringify(items)).not.toContain(other)
  })

  test('of a time far ahead count when the next one agrees, and are refused when it does not', () => {
    const at = (day: string) => `# 2026-${day}T12:00:00.000+00:00 gw1`
    const read = (...days: string[]) =>
      decode(lines(...days.flatMap((day) => [at(day), text]))).items.map((item) =>
        item.kind === 'unparsed' ? item.reason : new Date(item.at / 1000).toISOString().slice(5, 10),
      )
    expect(read('01-01', '01-02', '12-03', '01-04')).toEqual(['01-01', '01-02', 'time-jump', '01-04'])
    expect(read('01-01', '01-02', '12-03', '12-04')).toEqual(['01-01', '01-02', '12-03', '12-04'])
    expect(read('12-01', '01-02', '01-03')).toEqual(['time-jump', '01-02', '01-03'])
    expect(read('01-01', '01-02', '12-03')).toEqual(['01-01', '01-02', 'time-jump'])
    expect(read('01-01', '01-02', '01-20')).toEqual(['01-01', '01-02', '01-20'])
    const { items, tally } = decode(lines(at('12-01'), text, at('01-02'), text))
    expect(tally).toMatchObject({ records: 1, unparsed: 1 })
    expect(items[0]?.arrival).toBe(items[1]?.arrival)
  })

  test('go out as soon as they are whole where the file is still, once', () => {
    const items: Item[] = []
    const decoder = createHostFactsDecoder({ referenceAt: null }, (item) => items.push(item))
    decoder.push({ text: HEADER, offset: 0, flaw: '' }, FILE)
    decoder.quiet?.(AT)
    expect(items).toEqual([])
    decoder.push({ text, offset: 40, flaw: '' }, FILE)
    decoder.quiet?.(AT)
    decoder.quiet?.(AT)
    decoder.end()
    expect(items).toHaveLength(1)
  })

  test('are read the same after a save anywhere', () => {
    const fed = lines(HEADER, text, '# mark', HEADER, 'bad', text, '# 2028-01-01T00:00:00Z gw1', text, HEADER, text)
    const whole = decode(fed).items
    for (let cut = 0; cut <= fed.length; cut++) {
      const items: Item[] = []
      const options = { referenceAt: null }
      const first = createHostFactsDecoder(options, (item) => items.push(item))
      for (const line of fed.slice(0, cut)) first.push(line, FILE)
      // save() gives this decoder's own shape, as its type says; structuredClone keeps it.
      const second = createHostFactsDecoder(
        options,
        (item) => items.push(item),
        structuredClone(first.save()) as SavedHostFactsDecoder,
      )
      for (const line of fed.slice(cut)) second.push(line, FILE)
      second.end()
      expect(items).toEqual(whole)
    }
  })
})
