/** Other processes write and rotate while we follow; and what stands where a log should be. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { counting, createGot, drain, numbered, numbers, readUntil, withLog } from './followed-log.ts'

/**
 * A log daemon: writes 400 numbered lines a step, keeps its file open over a rotation for one step more, as those do that are
 * told by a signal. The last lines are written into the last file.
 */
const WRITER = `
const fs = require('node:fs')
const [path, steps] = [process.argv[1], Number(process.argv[2])]
let n = 0
let fd = fs.openSync(path, 'a')
const write = () => { for (let i = 0; i < 400; i++) fs.writeSync(fd, ++n + ' the line\\n') }
const shift = () => {
  for (let k = 60; k >= 1; k--) if (fs.existsSync(path + '.' + k)) fs.renameSync(path + '.' + k, path + '.' + (k + 1))
  fs.renameSync(path, path + '.1')
}
for (let step = 0; step < steps; step++) {
  write()
  if (step % 3 !== 2) continue
  shift()
  fs.closeSync(fs.openSync(path, 'w'))
  write()
  fs.closeSync(fd)
  fd = fs.openSync(path, 'a')
}
write()
`

test('a writer that rotates as fast as it can, read without a pause', () =>
  withLog(async (log) => {
    const steps = 60
    const all = 400 * (steps + steps / 3 + 1)
    const source = log.follow()
    const writer = spawn(process.execPath, ['-e', WRITER, log.path, String(steps)], { stdio: 'ignore' })
    const ended = once(writer, 'exit')
    const got = await readUntil(source, ({ texts }) => texts.length >= all)
    expect(await ended).toEqual([0, null])
    expect(numbers(got)).toEqual(counting(1, all))
    expect(got.gaps).toEqual([])
  }))

test('the same, with the reader stopped and started again all the while', () =>
  withLog(async (log) => {
    const steps = 60
    const all = 400 * (steps + steps / 3 + 1)
    const got = createGot()
    const writer = spawn(process.execPath, ['-e', WRITER, log.path, String(steps)], { stdio: 'ignore' })
    const ended = once(writer, 'exit')
    let cursor: string | undefined
    let hasEnded = false
    writer.on('exit', () => {
      hasEnded = true
    })
    for (let runsAfter = 0; got.texts.length < all && runsAfter < 20; runsAfter += hasEnded ? 1 : 0) {
      const source = log.follow({}, cursor)
      await drain(source, got)
      await source.close()
      cursor = source.cursor()
    }
    expect(await ended).toEqual([0, null])
    expect(numbers(got)).toEqual(counting(1, all))
    expect(got.gaps).toEqual([])
  }))

test('changes that no inotify tells, as behind a link into another directory, are seen within the tick', () =>
  withLog(async (log) => {
    mkdirSync(join(log.directory, 'other'))
    const target = join(log.directory, 'other', 'file')
    writeFileSync(target, numbered(1, 2))
    symlinkSync(target, log.path)
    const source = log.follow()
    const got = await drain(source)
    const more = readUntil(source, ({ texts }) => texts.length === 3, got)
    writeFileSync(target, numbered(3, 3), { flag: 'a' })
    expect(numbers(await more)).toEqual([1, 2, 3])
  }))

test('a FIFO is refused with a message, and does not block', () =>
  withLog(async (log) => {
    execFileSync('mkfifo', [log.path])
    const source = log.follow()
    const got = await drain(source)
    expect(source.problem).toBe('it is a FIFO (named pipe)')
    rmSync(log.path)
    log.write(numbered(1, 2))
    await readUntil(source, ({ texts }) => texts.length === 2, got)
    expect(source.problem).toBe('')
    log.rotate()
    execFileSync('mkfifo', [log.path])
    await drain(source, got)
    expect(source.problem).toBe('it is a FIFO (named pipe)')
    expect(got.gaps).toEqual([])
  }))

test('a directory with thousands of names is listed once a tick only, and nothing is lost', () =>
  withLog(async (log) => {
    for (let n = 0; n < 5100; n++) writeFileSync(join(log.directory, `x${n}`), '')
    log.write(numbered(1, 2))
    const source = log.follow()
    const got = await drain(source)
    for (let n = 3; n < 6; n++) {
      log.rotate()
      log.write(numbered(n, n))
    }
    expect(numbers(await readUntil(source, ({ texts }) => texts.length === 5, got))).toEqual([1, 2, 3, 4, 5])
    renameSync(log.path, log.at('-20261122'))
    log.write(numbered(6, 6))
    expect(numbers(await readUntil(source, ({ texts }) => texts.length === 6, got))).toEqual([1, 2, 3, 4, 5, 6])
  }))
