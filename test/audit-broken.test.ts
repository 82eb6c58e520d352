/**
 * Audit logs that disks, copies, rotation and people have broken. What is left is read, what is not is counted and said, the rest
 * of the capture is told as before; and nothing is told twice.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { parseEvent } from '../src/event-json.ts'
import type { Fields } from '../src/fields.ts'
import { replayCapture } from './replay-capture.ts'
import { audited, exec, HOST, SESSION } from './variants/audited.ts'
import { type CaptureCase, demoCase, printedRows, type Replayed, replayCase, withCase } from './variants/case.ts'
import { PEER_KEY } from './variants/miniature.ts'

const LOG = `${HOST}/audit.log`

function documentsOf(ndjson: string): Fields[] {
  return ndjson
    .split('\n')
    .filter((line) => line !== '')
    .map(parseEvent)
}

function withLog(change: (text: string) => string, inside = ''): CaptureCase {
  const one = audited(inside)
  one.files.set(LOG, change(one.files.get(LOG) ?? ''))
  return one
}

function audit({ ndjson }: { ndjson: string }): Fields[] {
  return documentsOf(ndjson).filter((event) => event['event.dataset'] === 'wireguard.audit')
}

function expectCounted({ printed, exit, ndjson }: Pick<Replayed, 'printed' | 'exit' | 'ndjson'>): void {
  expect(exit).toBe(0)
  for (const row of printedRows(printed)) expect(row.counted, row.source).toBe(row.lines)
  const ids = documentsOf(ndjson).map((event) => event['event.id'])
  expect(new Set(ids).size).toBe(ids.length)
}

/** The first and the last command of the login, wherever it was cut. */
function commandsOf(result: { ndjson: string }): (readonly string[] | undefined)[] {
  return audit(result)
    .filter((event) => event['event.action'] === 'executed' && event['wireguard.peer.public_key'] === PEER_KEY)
    .map((event) => event['process.args'])
}

describe('a line', () => {
  test.each([
    ['cut before the next one', (text: string) => text.replace(/^(type=CWD .*:105\): c)wd="\/root"\n/m, '$1')],
    ['of NUL before it', (text: string) => text.replace(/^(?=type=CWD .*:105\))/m, '\0'.repeat(4096))],
    ['of 200 kB before it', (text: string) => text.replace(/^(?=type=CWD .*:105\))/m, `${'A'.repeat(200_000)}\n`)],
    [
      'of a record of 200 kB',
      (text: string) =>
        text.replace(
          /^(?=type=CWD .*:105\))/m,
          `type=PATH msg=audit(1795360212.220:105): name="${'A'.repeat(200_000)}"\n`,
        ),
    ],
    [
      'that is no record',
      (text: string) => text.replace(/^(?=type=CWD .*:105\))/m, 'auditd: something else\n\n# note\n'),
    ],
    ['without its LF at the end', (text: string) => text.slice(0, -1)],
    ['with CRLF', (text: string) => text.replaceAll('\n', '\r\n')],
  ])('%s', async (_, change) => {
    const result = await replayCase(withLog(change))
    expectCounted(result)
    expect(commandsOf(result)).toEqual([['/bin/first'], ['/bin/last']])
  })

  test('each one cut at any length: counted, and never another peer or session', async () => {
    const whole = audited(exec([0.5, 110], ['"/bin/x"'])).files.get(LOG) ?? ''
    const lines = whole.split(/(?<=\n)/)
    for (let at = 0; at < lines.length; at += 3) {
      const one = withLog(() => lines.map((line, i) => (i % 7 === at % 7 ? line.slice(0, 13 + 9 * at) : line)).join(''))
      const result = await replayCase(one)
      expectCounted(result)
      for (const event of audit(result)) {
        expect([undefined, SESSION]).toContain(event['auditd.session'])
        expect([undefined, PEER_KEY]).toContain(event['wireguard.peer.public_key'])
      }
    }
  })
})

describe('the beginning is missing', () => {
  const lineCount = (audited('').files.get(LOG) ?? '').split('\n').length - 1

  test.each(Array.from({ length: lineCount }, (_, i) => i))('the first %i lines', async (count) => {
    const result = await replayCase(
      withLog((text) =>
        text
          .split(/(?<=\n)/)
          .slice(count)
          .join(''),
      ),
    )
    expectCounted(result)
    for (const event of audit(result)) {
      expect([undefined, PEER_KEY]).toContain(event['wireguard.peer.public_key'])
      if (event['wireguard.attribution.status'] === 'unknown')
        expect(event['wireguard.peer.public_key']).toBeUndefined()
    }
    // A login whose beginning nobody saw is nobody's; what is half there is said to be.
    if (count > 12) expect(commandsOf(result)).toEqual([])
  })
})

describe('the same records twice', () => {
  test.each([
    ['as audit.log.1', (one: CaptureCase) => one.files.set(`${LOG}.1`, one.files.get(LOG) ?? '')],
    ['behind each other', (one: CaptureCase) => one.files.set(LOG, (one.files.get(LOG) ?? '').repeat(2))],
    [
      'each line',
      (one: CaptureCase) =>
        one.files.set(
          LOG,
          (one.files.get(LOG) ?? '').replace(/.*\n/g, (line) => line + line),
        ),
    ],
  ])('%s: no id stands twice, one login', async (_, change) => {
    const one = audited('')
    change(one)
    const result = await replayCase(one)
    expectCounted(result)
    const logins = documentsOf(result.ndjson).filter((event) => event['event.action'] === 'host-login')
    expect(logins.map((event) => [event['auditd.session'], event['wireguard.peer.public_key']])).toEqual([
      [SESSION, PEER_KEY],
    ])
  })
})

describe('a file called audit.log', () => {
  const garbage = Buffer.from(Array.from({ length: 30_000 }, (_, i) => (i * 7919) % 256)).toString('latin1')

  test.each([
    ['that is empty', ''],
    ['of newlines', '\n'.repeat(5000)],
    ['of NUL', '\0'.repeat(100_000)],
    ['that is binary', garbage],
    [
      'that is a packet log',
      '2026-11-22T15:10:12.100000+00:00 gw1 kernel: [  100.100000] allow IN=wg0 OUT=lan0 SRC=10.8.0.2\n',
    ],
    ['that is JSON', '{"type":"SYSCALL","msg":"audit(1795360212.112:100)"}\n'.repeat(50)],
    ['of heads alone', 'type=SYSCALL msg=audit(1795360212.112:100): \n'.repeat(50)],
    ['of unfinished heads', 'type=SYSCALL msg=audit(1795360212.112:\n'.repeat(50)],
  ])('%s: read to its end, and the gateway is told as before', async (_, text) => {
    const one = audited('')
    one.files.delete(LOG)
    const without = await replayCase(one)
    const result = await replayCase(withLog(() => text))
    expectCounted(result)
    const flows = ({ ndjson }: Replayed) =>
      documentsOf(ndjson).filter((event) => event['event.dataset'] === 'wireguard.flow').length
    expect(flows(result)).toBe(flows(without))
    expect(documentsOf(result.ndjson).filter((event) => event['wireguard.host.login_session'] !== undefined)).toEqual(
      [],
    )
  })

  test('that is a folder, beside a real one that was rotated', async () => {
    const one = audited('')
    one.files.set(`${LOG}.1`, one.files.get(LOG) ?? '')
    one.files.delete(LOG)
    one.files.set(`${LOG}/note`, 'x\n')
    const result = await replayCase(one)
    expectCounted(result)
    expect(commandsOf(result)).toEqual([['/bin/first'], ['/bin/last']])
  })
})

describe('a compressed one', () => {
  test.each([0.02, 0.3, 0.6, 0.9, 0.999])(
    'cut at %d of its bytes: what is there is read, the rest said to be lost',
    async (part) => {
      const one = await demoCase()
      const log = one.files.get('db1/audit.log.1') ?? ''
      one.files.delete('db1/audit.log.1')
      await withCase(one, async (capture) => {
        const packed = gzipSync(Buffer.from(log, 'latin1'))
        await writeFile(join(capture, 'db1', 'audit.log.1.gz'), packed.subarray(0, packed.length * part))
        const result = await replayCapture(capture)
        expectCounted(result)
        expect(result.printed).toMatch(/db1\/audit\.log\.1\.gz: .*lost/)
      })
    },
  )

  test.each([10, 500, 5000, 12_000])('with a damaged byte at %i', async (at) => {
    const one = await demoCase()
    const log = one.files.get('db1/audit.log.1') ?? ''
    one.files.delete('db1/audit.log.1')
    await withCase(one, async (capture) => {
      const packed = gzipSync(Buffer.from(log, 'latin1'))
      packed[at] = (packed[at] ?? 0) ^ 0xff
      await writeFile(join(capture, 'db1', 'audit.log.1.gz'), packed)
      expectCounted(await replayCapture(capture))
    })
  })
})
