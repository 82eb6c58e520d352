/** Goal: the own log can be read by machines and people, never floods, and never tells a secret. Through a real pipe where it matters. */
import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createOwnLog, type OwnLogOptions } from '../../../src/live/own-log/own-log.ts'
import { MINUTE, type Micros, SECOND } from '../../../src/time.ts'
import { NOW } from '../status/made-status.ts'

function openLog(options: Partial<OwnLogOptions> & { isTTY?: boolean } = {}) {
  let printed = ''
  let at: Micros = NOW
  const { isTTY = false, ...rest } = options
  const log = createOwnLog({
    destination: {
      write: (text: string) => {
        printed += text
      },
      isTTY,
    },
    now: () => at,
    color: false,
    ...rest,
  })
  return {
    log,
    printed: () => printed,
    lines: () =>
      printed
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    pass: (span: Micros) => {
      at += span
    },
  }
}

/** A key as `wg genkey` prints it: 32 bytes in base64. */
const keys = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('base64'))
const KEY = 'yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk='

describe('form', () => {
  test('is JSON with ECS names, fields of ours below peertrail', () => {
    const { log, lines } = openLog()
    log.error(
      { sink: 'ndjson', error: 'ENOSPC', 'chain.count': 3, isFull: true },
      'sink ndjson takes nothing: 100% %s %d',
    )
    expect(lines()).toEqual([
      {
        '@timestamp': '2026-11-22T15:13:11.000Z',
        'log.level': 'error',
        message: 'sink ndjson takes nothing: 100% %s %d',
        'ecs.version': '9.4.0',
        'service.name': 'peertrail',
        'event.dataset': 'peertrail.log',
        'error.message': 'ENOSPC',
        peertrail: { sink: 'ndjson', 'chain.count': 3, isFull: true },
      },
    ])
  })

  test('on a terminal is one short line; what the text says already is not repeated', () => {
    const { log, printed } = openLog({ isTTY: true })
    log.warn({ sink: 'ndjson', failures: 3 }, 'sink ndjson takes nothing')
    log.info({}, 'ended')
    expect(printed()).toBe('15:13:11.000 warn  sink ndjson takes nothing  failures=3\n15:13:11.000 info  ended\n')
  })

  test('has colours only where wanted, and control characters nowhere', () => {
    const coloured = openLog({ isTTY: true, color: true })
    coloured.log.error({}, 'x')
    expect(coloured.printed()).toContain('\u001b[31merror')
    for (const isTTY of [true, false]) {
      const { log, printed } = openLog({ isTTY })
      log.warn({ said: 'a\u001b]0;evil\u0007\u202e' }, 'line\nforged \u001b[2J line')
      expect(printed()).toMatch(/^[^\p{Cc}\p{Cf}]*\n$/u)
      expect(printed()).toContain('forged')
    }
  })

  test('says nothing below its level, and cuts what a program says at length', () => {
    const { log, lines } = openLog({ level: 'warn' })
    log.info({}, 'quiet')
    log.warn({ said: 'y'.repeat(1e6) }, 'x'.repeat(1e6))
    expect(lines()).toHaveLength(1)
    expect(JSON.stringify(lines()).length).toBeLessThan(10_000)
  })

  test('goes through a pipe, whose reader may go away', () => {
    const program = [
      `const { createOwnLog } = await import(${JSON.stringify(new URL('../../../src/live/own-log/own-log.ts', import.meta.url).href)})`,
      'const log = createOwnLog({ destination: process.stderr })',
      "for (let i = 0; i < 50; i++) log.info({ i }, 'line ' + i)",
      // Into a pipe that nobody reads any more: EPIPE comes later, as an event.
      'await new Promise((resolve) => setImmediate(resolve))',
      "process.stdout.write('alive')",
    ].join('\n')
    const shell = (to: string) =>
      spawnSync('sh', ['-c', `"$0" --input-type=module -e "$1" 2>&1 >&3 3>&- ${to}`, process.execPath, program], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      })
    const read = shell('| cat')
    const lines = read.stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(50)
    expect(JSON.parse(lines[49] ?? '')).toMatchObject({ message: 'line 49', peertrail: { i: 49 } })
    // stdio[3] is the third further pipe of the child.
    expect(shell('| true').output[3]).toBe('alive')
  })
})

describe('bounds', () => {
  test('the same text is said once a minute, with how often it was held back', () => {
    const { log, lines, pass } = openLog()
    for (let second = 0; second < 150; second++) {
      log.warn({ second }, 'again')
      pass(SECOND)
    }
    expect(lines().map(({ peertrail }) => peertrail)).toEqual([
      { second: 0 },
      { second: 60, held_back: 59 },
      { second: 120, held_back: 59 },
    ])
    log.info({}, 'again')
    expect(lines()).toHaveLength(4)
  })

  test('what was held back is told also when the text never comes again', () => {
    const { log, lines, pass } = openLog()
    log.warn({}, 'thrice')
    log.warn({}, 'thrice')
    log.warn({ last: true }, 'thrice')
    pass(MINUTE)
    log.info({}, 'another')
    expect(lines().map(({ message, peertrail }) => [message, peertrail])).toEqual([
      ['thrice', undefined],
      ['thrice', { last: true, held_back: 2 }],
      ['another', undefined],
    ])
    log.info({}, 'another')
    log.flush()
    expect(lines().at(-1)).toMatchObject({ message: 'another', peertrail: { held_back: 1 } })
  })

  test('no more than a hundred lines a second, and those left out are counted', () => {
    const { log, lines, pass } = openLog()
    for (let i = 0; i < 5_000; i++) log.info({}, `text ${i}`)
    expect(lines()).toHaveLength(100)
    pass(SECOND)
    log.info({}, 'after')
    expect(
      lines()
        .slice(100)
        .map(({ message, peertrail }) => [message, peertrail?.held_back]),
    ).toEqual([
      ['lines of this log were left out: more than 100 in a second', 4_900],
      ['after', undefined],
    ])
  })

  test('a clock that is set back does not silence it', () => {
    const { log, lines, pass } = openLog()
    log.warn({}, 'text')
    pass(-24 * 60 * MINUTE)
    log.warn({}, 'text')
    expect(lines()).toHaveLength(2)
  })

  test('every line is said or counted, whatever comes when', () => {
    const step = fc.record({ text: fc.integer({ min: 0, max: 5 }), wait: fc.integer({ min: 0, max: 40 * SECOND }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { log, lines, pass } = openLog()
        for (const { text, wait } of steps) {
          log.info({}, `text ${text}`)
          pass(wait)
        }
        log.flush()
        // A line with `held_back` that stands for itself as well, or only for those before it: at least, at most.
        const said = lines().length
        const heldBack = lines().reduce((sum, { peertrail }) => sum + (peertrail?.held_back ?? 0), 0)
        expect(heldBack).toBeLessThanOrEqual(steps.length)
        expect(said + heldBack).toBeGreaterThanOrEqual(steps.length)
      }),
    )
  })
})

describe('secrets', () => {
  test('a key never leaves, wherever it stands', () => {
    fc.assert(
      fc.property(keys, fc.string(), fc.string(), fc.boolean(), (key, before, after, isTTY) => {
        fc.pre(!/public[ _-]?key/i.test(before))
        const { log, printed } = openLog({ isTTY })
        // Other base64 before it makes a longer run, which is hidden as a whole; after `=` a new one begins.
        log.error(
          { error: `${before} ${key} ${after}`, key, path: `/etc/wireguard/${key}` },
          `${before}'${key}'${after}`,
        )
        log.info({}, `${key}${key}`)
        expect(printed()).not.toContain(key)
        expect(printed()).not.toContain(key.slice(0, 30))
      }),
    )
  })

  test.each([
    `wg: Key is not the correct length or format: \`${KEY}'`,
    `PrivateKey = ${KEY}`,
    `preshared_key=${KEY}`,
    `private_key=${Buffer.from(KEY, 'base64').toString('hex')}`,
    `PresharedKey: "short"`,
    `{"privateKey":"${KEY}"}`,
  ])('%s', (text) => {
    const { log, printed } = openLog()
    log.error({}, text)
    expect(printed()).toContain('[hidden]')
    expect(printed()).not.toContain(KEY)
    expect(printed()).not.toContain(Buffer.from(KEY, 'base64').toString('hex'))
    expect(printed()).not.toContain('short')
  })

  test('a key marked as public is shown, and so are hashes', () => {
    const hash = 'c0ffee'.repeat(10)
    const { log, printed } = openLog({ isTTY: true })
    log.info({ public_key: KEY, 'wireguard.peer.public_key': KEY, 'chain.hash': hash }, 'peer')
    log.info({}, `public key ${KEY} was replaced`)
    expect(printed().split(KEY)).toHaveLength(4)
    log.info({}, `public key ${KEY} of private ${KEY}`)
    expect(printed().split(KEY)).toHaveLength(5)
    expect(printed()).toContain(hash)
  })

  test('passwords in URLs and tokens of authorizations are hidden', () => {
    const { log, printed } = openLog()
    log.error({ url: 'https://elastic:changeme@es:9200/_bulk' }, 'Authorization: ApiKey VnVhQ2ZHY0JDZGJrUW0=')
    expect(printed()).toContain('https://[hidden]@es:9200/_bulk')
    expect(printed()).not.toMatch(/changeme|VnVhQ2Z/)
  })

  test('what a pipeline refers to is hidden once the log was told', () => {
    const { log, printed } = openLog()
    log.hide('correct horse')
    log.hide('correct horse battery')
    log.error({ error: 'refused: correct horse battery' }, 'user correct horse was refused')
    expect(printed()).toContain('refused: [hidden]')
    expect(printed()).not.toMatch(/correct|battery/)
  })

  test('megabytes of base64 take no time to look through', () => {
    // Looked through in quadratic time, one of these takes seconds.
    const { log, lines } = openLog()
    for (let i = 0; i < 40; i++) log.error({ i }, `${i}${'A'.repeat(2e6)}`)
    expect(lines()).toHaveLength(40)
  })
})
