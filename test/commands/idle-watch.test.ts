/** A watch rings only when nothing is under way, and hears of what ends it. */
import { expect, test } from 'vitest'
import { createIdleWatch } from '../../src/commands/idle-watch.ts'

const never = new Promise<never>(() => {})

test('what ends is ended, what fails fails, what is over is over, else it is idle', async () => {
  const watch = () => createIdleWatch(3, 1)
  expect(await watch().until(Promise.resolve())).toBe('ended')
  await expect(watch().until(Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await watch().until(never, () => Promise.resolve(true))).toBe('over')
  await expect(watch().until(never, () => Promise.reject(new Error('away')))).rejects.toThrow('away')
  expect(await watch().until(never)).toBe('idle')
})

test('work that takes long is not idle; afterwards the time begins anew', async () => {
  const watch = createIdleWatch(3, 1)
  const { promise, resolve } = Promise.withResolvers<void>()
  const work = watch.during(() => promise)
  let looks = 0
  const isOver = async () => {
    looks++
    if (looks === 20) {
      resolve()
      await work
      looks = 100
    }
    return false
  }
  expect(await watch.until(never, isOver)).toBe('idle')
  // Silent for three looks, after the work had ended.
  expect(looks).toBe(103)
})
