import { PassThrough, Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { createTextOutlet } from '../../src/commands/text-outlet.ts'

test('waits until a piece was taken', async () => {
  const pending: (() => void)[] = []
  const stream = new Writable({ write: (_chunk, _encoding, done) => void pending.push(done) })
  const outlet = createTextOutlet(stream)
  let isTaken = false
  const written = outlet.write('a').then((isRead) => {
    isTaken = true
    return isRead
  })
  await Promise.resolve()
  expect(isTaken).toBe(false)
  pending.forEach((done) => {
    done()
  })
  expect(await written).toBe(true)
})

test('a reader that goes away is an answer, not an error', async () => {
  const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) })
  const outlet = createTextOutlet(stream)
  expect(await outlet.write('a')).toBe(false)
  expect(await outlet.write('b')).toBe(false)
})

test('nothing to write asks nobody', async () => {
  const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) })
  expect(await createTextOutlet(stream).write('')).toBe(true)
})

test('only a terminal has a width', () => {
  expect(createTextOutlet(new PassThrough()).width).toBe(0)
  expect(createTextOutlet(Object.assign(new PassThrough(), { columns: 120 })).width).toBe(0)
  expect(createTextOutlet(Object.assign(new PassThrough(), { isTTY: true, columns: 120 })).width).toBe(120)
})
