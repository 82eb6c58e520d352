import { describe, expect, it } from 'vitest'
import type { ConntrackFields } from '../../../src/sources/conntrack/fields.ts'
import { parseConntrackLine } from '../../../src/sources/conntrack/parse.ts'

const TUPLES =
  'src=10.77.1.2 dst=10.77.2.2 sport=36770 dport=443 [UNREPLIED] src=10.77.2.2 dst=10.77.1.2 sport=443 dport=36770'
const NEW = `[1795344405.164911]\t    [NEW] ipv4     2 tcp      6 3 SYN_SENT ${TUPLES} id=1067040127`

function parsed(text: string): ConntrackFields {
  const fields = parseConntrackLine(text, 0)
  if (fields === null || fields === 'malformed') throw new Error(`not a row: ${String(fields)} ${text}`)
  return fields
}

describe('columns before src=', () => {
  it.each([
    ['tcp      6 3 CLOSE ', [6, 3, 'CLOSE']],
    ['tcp      6 CLOSE ', [6, -1, 'CLOSE']],
    ['tcp      6 ', [6, -1, '']],
    ['udp      17 3 ', [17, 3, '']],
    ['udp      17 ', [17, -1, '']],
    ['unknown  255 2 ', [255, 2, '']],
    ['unknown  255 ', [255, -1, '']],
    ['ipv4     2 tcp      6 3 CLOSE ', [6, 3, 'CLOSE']],
    ['ipv4     2 tcp      6 CLOSE ', [6, -1, 'CLOSE']],
    ['ipv4     2 udp      17 ', [17, -1, '']],
    ['ipv4     2 unknown  255 2 ', [255, 2, '']],
    ['ipv4     2 unknown  2 ', [2, -1, '']],
    ['unknown  0 unknown  50 ', [50, -1, '']],
    ['ipv4     2 sctp     132 2 COOKIE_ECHOED ', [132, 2, 'COOKIE_ECHOED']],
    ['ipv4     2 dccp     33 239 PARTOPEN ', [33, 239, 'PARTOPEN']],
    ['tcp      6 118 SYN_SENT2 ', [6, 118, 'SYN_SENT2']],
  ])('tells protocol, timeout and state apart in "%s"', (columns, expected) => {
    for (const event of ['', '    [NEW] ', ' [UPDATE] ', '[DESTROY] ']) {
      const { protocol, timeout, state } = parsed(`${event}${columns}${TUPLES}`)
      expect([protocol, timeout, state]).toEqual(expected)
    }
  })

  it.each([
    '',
    'tcp ',
    'tcp 6 3 4 ',
    'tcp 256 ',
    'tcp 6 4294967296 ',
    '6 3 SYN_SENT ',
    'tcp 6 3 syn_sent ',
    'tcp 6 A B ',
  ])('refuses "%s"', (columns) => {
    expect(parseConntrackLine(`${columns}${TUPLES}`, 0)).toBe('malformed')
  })
})

describe('the event and its stamp', () => {
  it('reads seconds and microseconds exactly', () => {
    expect(parsed(NEW)).toMatchObject({ stampAt: 1795344405164911, event: 'new', id: '1067040127', isUnreplied: true })
  })

  it('pads a fraction that was padded on the wrong side on the left', () => {
    expect(parsed(NEW.replace('.164911]', '.59604 ]')).stampAt).toBe(1795344405059604)
    expect(parsed(NEW.replace('.164911]', '.7     ]')).stampAt).toBe(1795344405000007)
  })

  it.each([
    '[1795344405]\t',
    '[1795344405.]\t',
    '[1795344405.1234567]\t',
    '[99999999999.1]\t',
    '[1795344405.1',
    '[1.1]x\t',
    '[1 .1]\t',
  ])('refuses the stamp "%s"', (stamp) => {
    expect(parseConntrackLine(NEW.replace('[1795344405.164911]\t', stamp), 0)).toBe('malformed')
  })

  it('starts reading where it is told to', () => {
    const text = `gw1 conntrack[77]: ${NEW}`
    expect(parseConntrackLine(text, text.indexOf('[1795'))).toEqual(parsed(NEW))
  })

  it('passes over blanks, comments and expectations', () => {
    const expectation =
      'proto=17 src=10.77.2.2 dst=10.77.1.2 sport=0 dport=45012 mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 master-src=10.77.1.2 master-dst=10.77.2.2 sport=45012 dport=69 class=0 helper=tftp'
    expect(parseConntrackLine(`[1795344524.59604 ]\t[DESTROY] 299 ${expectation}`, 0)).toBeNull()
    expect(parseConntrackLine(`    [NEW] 300 ${expectation}`, 0)).toBeNull()
    expect(parseConntrackLine(`300 l3proto = 2 ${expectation}`, 0)).toBeNull()
    for (const text of ['', '   ', '\r', '## tcp connect']) expect(parseConntrackLine(text, 0)).toBeNull()
  })
})

describe('tuples', () => {
  const ICMP =
    '    [NEW] ipv4     2 icmp     1 2 src=10.77.1.2 dst=10.77.2.2 type=8 code=0 id=19312 [UNREPLIED] src=10.77.2.2 dst=10.77.2.1 type=0 code=0 id=19313'

  it('keeps the three ids of an ICMP line apart', () => {
    const fields = parsed(`${ICMP} id=1193097157`)
    expect([fields.original.icmpId, fields.reply.icmpId, fields.id]).toEqual([19312, 19313, '1193097157'])
    expect([fields.original.icmpType, fields.reply.icmpType, fields.original.icmpCode]).toEqual([8, 0, 0])
  })

  it('takes no ICMP id for the id of the flow', () => {
    expect(parsed(ICMP).id).toBe('')
    expect(parsed(ICMP).reply.icmpId).toBe(19313)
  })

  it('reads GRE rows without inventing ports', () => {
    const fields = parsed(
      'gre      47 2 src=10.77.1.2 dst=10.77.2.2 srckey=0x0 dstkey=0xbeef packets=1 bytes=57 [UNREPLIED] src=10.77.2.2 dst=10.77.1.2 srckey=0x0 dstkey=0x0 packets=0 bytes=0 id=9',
    )
    expect(fields.original).toMatchObject({ sport: -1, dport: -1, packets: 1, bytes: 57 })
    expect(fields.id).toBe('9')
  })

  it('reads a zone that covers one direction only', () => {
    const text = NEW.replace('dport=443 ', 'dport=443 zone-orig=9 packets=1 bytes=60 ')
    expect(parsed(text).original).toMatchObject({ zone: '9', packets: 1, bytes: 60 })
    expect(parsed(text).reply.zone).toBe('')
    expect(parsed(text).zone).toBe('')
    const reply = NEW.replace('dport=36770 ', 'dport=36770 zone-reply=7 ')
    expect([parsed(reply).original.zone, parsed(reply).reply.zone]).toEqual(['', '7'])
  })

  it('brings addresses to one spelling', () => {
    const text = NEW.replaceAll('10.77.1.2', 'fd77:0001:0:0:0:0:0:0002').replaceAll('10.77.2.2', '2001:DB8::1')
    expect(parsed(text).original).toMatchObject({ src: 'fd77:1::2', dst: '2001:db8::1' })
    expect(parsed(text).reply).toMatchObject({ src: '2001:db8::1', dst: 'fd77:1::2' })
    expect(parsed(text).family).toBe(6)
    const mapped = NEW.replaceAll('10.77.1.2', '::ffff:10.77.1.2').replaceAll('10.77.2.2', '::ffff:a4d:202')
    expect(parsed(mapped).original).toMatchObject({ src: '10.77.1.2', dst: '10.77.2.2' })
  })

  it('takes an address that only starts like its counterpart for what it is', () => {
    const text = NEW.replace('dst=10.77.1.2 sport=443', 'dst=10.77.1.20 sport=443')
    expect(parsed(text).reply.dst).toBe('10.77.1.20')
  })

  it.each([
    ['a port above 65535', NEW.replace('sport=36770', 'sport=65536')],
    ['a negative counter', NEW.replace(' [UNREPLIED]', ' packets=-1 bytes=2 [UNREPLIED]')],
    ['a counter above 2^53', NEW.replace(' [UNREPLIED]', ' packets=1 bytes=9007199254740992 [UNREPLIED]')],
    ['a counter of 2^64', NEW.replace(' [UNREPLIED]', ' packets=1 bytes=18446744073709551616 [UNREPLIED]')],
    ['half a pair of counters', NEW.replace(' [UNREPLIED]', ' packets=1 [UNREPLIED]')],
    ['an id that is no number', NEW.replace('id=1067040127', 'id=106704012f')],
    ['an empty id', NEW.replace('id=1067040127', 'id=')],
    ['two flow ids', `${NEW} id=1067040127`],
    ['two families in one flow', NEW.replace('src=10.77.1.2', 'src=fd77::1')],
    ['one family there, another back', NEW.replace('src=10.77.2.2 dst=10.77.1.2', 'src=fd77::1 dst=fd77::2')],
    ['octal-looking addresses', NEW.replace('src=10.77.1.2', 'src=010.77.1.2')],
    ['a scope', NEW.replaceAll('10.77.1.2', 'fe80::1%eth0')],
    ['a missing second tuple', NEW.slice(0, NEW.indexOf('[UNREPLIED]'))],
    ['an ICMP code above 255', NEW.replace('sport=36770 dport=443', 'type=8 code=256 id=1')],
  ])('refuses %s', (_, text) => {
    expect(parseConntrackLine(text, 0)).toBe('malformed')
  })

  it('reads counters up to 2^53 - 1', () => {
    const text = NEW.replace(' [UNREPLIED]', ' packets=0 bytes=9007199254740991 [UNREPLIED]')
    expect(parsed(text).original.bytes).toBe(Number.MAX_SAFE_INTEGER)
  })
})

describe('what follows the tuples', () => {
  it('reads all of it', () => {
    const text = `${NEW.replace(' id=1067040127', '')} [ASSURED] mark=0 secmark=5 secctx=system_u:object_r:t:s0-s0:c0.c1023 zone=7 delta-time=2 [start=Sun Nov 22 10:46:45 2026] [stop=Sun Nov  1 10:46:47 2026] helper=tftp use=2 id=7 labels=wg-peer-alice,has space`
    expect(parsed(text)).toMatchObject({
      isAssured: true,
      isOffloaded: false,
      mark: '0',
      secmark: '5',
      secctx: 'system_u:object_r:t:s0-s0:c0.c1023',
      zone: '7',
      deltaSeconds: 2,
      startLocal: Date.UTC(2026, 10, 22, 10, 46, 45) * 1000,
      stopLocal: Date.UTC(2026, 10, 1, 10, 46, 47) * 1000,
      helper: 'tftp',
      id: '7',
      labels: 'wg-peer-alice,has space',
      userspacePortid: '',
    })
  })

  it('tells mark 0 from no mark', () => {
    expect([parsed(NEW).mark, parsed(NEW.replace(' id=', ' mark=0 id=')).mark]).toEqual(['', '0'])
  })

  it.each(['[OFFLOAD]', '[HW_OFFLOAD]'])('reads %s', (flag) => {
    expect(parsed(`tcp      6 ${TUPLES.replace(' [UNREPLIED]', '')} ${flag} mark=0 use=2`)).toMatchObject({
      isOffloaded: true,
      isAssured: false,
      isUnreplied: false,
      timeout: -1,
    })
  })

  it('keeps labels and program names whole, with blanks and with text that looks like fields', () => {
    const labels = parsed(`${NEW} labels=a b,id=5 src=1.2.3.4 [USERSPACE] portid=4258001319`)
    expect(labels).toMatchObject({
      labels: 'a b,id=5 src=1.2.3.4',
      userspacePortid: '4258001319',
      userspaceProgram: '',
    })
    const program = parsed(`${NEW} [USERSPACE] portid=19942 progname=my prog [USERSPACE] portid=1 id=3`)
    expect(program).toMatchObject({
      id: '1067040127',
      userspacePortid: '19942',
      userspaceProgram: 'my prog [USERSPACE] portid=1 id=3',
    })
  })

  it('steps over pairs of later versions and never makes keys of them', () => {
    expect(parsed(NEW.replace(' id=', ' Service=slb.test TunnelVni=0 id='))).toEqual(parsed(NEW))
    expect(parseConntrackLine(`${NEW} __proto__=1`, 0)).toBe('malformed')
  })

  it.each([
    `${NEW}${NEW}`,
    `${NEW.slice(0, -4)}${NEW}`,
    `${NEW} labels=a,b${NEW}`,
    `${NEW} helper=tf${NEW}`,
    `${NEW} src=1.2.3.4`,
    `${NEW} [UNREPLIED]`,
    `${NEW} [NEW]`,
    `${NEW} junk`,
    `${NEW} [start=Sun Nov 31 10:46:45 2026]`,
    `${NEW} [start=Sun Nov 22 24:46:45 2026]`,
    `${NEW} [start=Sun Nov 22 10:46:45 1969]`,
    `${NEW} [start=Sun ovD 22 10:46:45 2026]`,
    `${NEW} [start=Sun Nov 22 10:46:45 2026`,
    `${NEW} [USERSPACE] portid=`,
    `${NEW} [USERSPACE] portid=5 id=5`,
  ])('refuses rows that ran together or were changed: %s', (text) => {
    expect(parseConntrackLine(text, 0)).toBe('malformed')
  })
})

describe('cut lines', () => {
  const stamp = '[1795344405.164911]\t'
  const body = NEW.slice(stamp.length)
  /** The row as conntrack's 1024-byte buffer leaves it. */
  const cut = (text: string) => `${stamp}${text.slice(0, 1023)}`

  it('leaves out a label that the buffer cut', () => {
    const text = `${body} labels=${'x'.repeat(600)},${'y'.repeat(600)}`
    expect(parsed(cut(text)).labels).toBe('x'.repeat(600))
    expect(parsed(`${stamp}${text.slice(0, 900)}`).labels).toMatch(/,y+$/)
    expect(parsed(`${cut(text)} [USERSPACE] portid=5 progname=a,b c`)).toMatchObject({
      labels: 'x'.repeat(600),
      userspacePortid: '5',
      userspaceProgram: 'a,b c',
    })
    expect(parsed(cut(`${body} labels=${'x'.repeat(1100)}`)).labels).toBe('')
  })

  it('does not take the half of a number for the number', () => {
    const head = body.replace(' id=1067040127', ' secctx=')
    const text = `${head}${'s'.repeat(1023 - head.length - ' id=10670'.length)} id=1067040127`
    expect(cut(text).endsWith(' id=10670')).toBe(true)
    expect(parsed(cut(text)).id).toBe('')
  })

  it('distrusts the end of a line that the file ends in', () => {
    const partial = (text: string) => parseConntrackLine(text, 0, undefined, true)
    expect(partial(NEW.slice(0, -3))).toMatchObject({ id: '', stampAt: 1795344405164911 })
    expect(partial(NEW.slice(0, NEW.indexOf(' id=')))).toBe('malformed')
    expect(partial(`${NEW} [USERSPACE] portid=5 progname=conn`)).toBe('malformed')
  })
})
