import { describe, expect, it } from 'vitest'
import { hasDestinationNat, hasSourceNat, natOf } from '../../../src/sources/conntrack/nat.ts'
import { parseConntrackLine } from '../../../src/sources/conntrack/parse.ts'

function row(text: string) {
  const fields = parseConntrackLine(`    [NEW] ${text}`, 0)
  if (fields === null || fields === 'malformed') throw new Error(`not a row: ${text}`)
  return fields
}

const NONE = { sourceIp: '', sourcePort: -1, destinationIp: '', destinationPort: -1 }

describe('address translation', () => {
  it.each([
    ['none', 'tcp 6 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1', NONE],
    [
      'source NAT with another port',
      'tcp 6 src=10.77.1.2 dst=10.77.2.2 sport=45440 dport=9090 [UNREPLIED] src=10.77.2.2 dst=10.77.2.1 sport=9090 dport=40005',
      { ...NONE, sourceIp: '10.77.2.1', sourcePort: 40005 },
    ],
    [
      'source NAT that kept the port',
      'udp 17 src=10.77.1.2 dst=10.77.2.2 sport=5 dport=9 src=10.77.2.2 dst=10.77.2.1 sport=9 dport=5',
      { ...NONE, sourceIp: '10.77.2.1', sourcePort: 5 },
    ],
    [
      'source NAT of the port alone',
      'udp 17 src=10.77.2.1 dst=10.77.2.2 sport=5 dport=9 src=10.77.2.2 dst=10.77.2.1 sport=9 dport=6',
      { ...NONE, sourceIp: '10.77.2.1', sourcePort: 6 },
    ],
    [
      'destination NAT',
      'tcp 6 src=10.77.2.2 dst=10.77.2.1 sport=44788 dport=8080 [UNREPLIED] src=10.77.1.2 dst=10.77.2.2 sport=80 dport=44788',
      { ...NONE, destinationIp: '10.77.1.2', destinationPort: 80 },
    ],
    [
      'both',
      'tcp 6 src=fd77::1 dst=fd77::2 sport=1 dport=8080 src=fd77::9 dst=fd77::8 sport=80 dport=7',
      { sourceIp: 'fd77::8', sourcePort: 7, destinationIp: 'fd77::9', destinationPort: 80 },
    ],
    [
      'none for ICMP, whose types differ by nature',
      'icmp 1 2 src=10.77.1.2 dst=10.77.2.2 type=8 code=0 id=5 src=10.77.2.2 dst=10.77.1.2 type=0 code=0 id=5',
      NONE,
    ],
    [
      'source NAT of ICMP by address',
      'icmp 1 2 src=10.77.1.2 dst=10.77.2.2 type=8 code=0 id=5 src=10.77.2.2 dst=10.77.2.1 type=0 code=0 id=5',
      { ...NONE, sourceIp: '10.77.2.1' },
    ],
    [
      'source NAT of ICMP by id alone',
      'icmp 1 2 src=10.77.2.1 dst=10.77.2.2 type=8 code=0 id=5 src=10.77.2.2 dst=10.77.2.1 type=0 code=0 id=6',
      { ...NONE, sourceIp: '10.77.2.1' },
    ],
    ['none without ports', 'unknown 50 2 src=10.0.0.1 dst=10.0.0.2 src=10.0.0.2 dst=10.0.0.1', NONE],
  ])('%s', (_, text, expected) => {
    const record = row(text)
    expect(natOf(record)).toEqual(expected)
    expect(hasSourceNat(record)).toBe(expected.sourceIp !== '')
    expect(hasDestinationNat(record)).toBe(expected.destinationIp !== '')
  })
})
