import { expect, test } from 'vitest'
import { createFailedLogins, type FailedLogin } from '../../../src/correlate/hosts/failed-logins.ts'
import { createOrigin, type Origin } from '../../../src/correlate/hosts/origin.ts'
import { SECOND } from '../../../src/time.ts'

const SSHD = { pid: 9384, name: 'sshd', executable: '/usr/sbin/sshd' }

function originOf(port: number): Origin {
  return createOrigin('db1', { ip: '10.8.0.4', port }, 0, SSHD)
}

function collect() {
  const told: FailedLogin[] = []
  return { told, logins: createFailedLogins((failed) => told.push(failed)) }
}

test('an attempt is told once, with the name a later record gives', () => {
  const { told, logins } = collect()
  const origin = originOf(40001)
  logins.note(origin, 1 * SECOND, 1 * SECOND, 500, '(invalid user)')
  logins.note(origin, 1 * SECOND, 1 * SECOND, 500, '(invalid user)')
  logins.note(origin, 2 * SECOND, 2 * SECOND, 500, 'mallory')
  logins.tick(3 * SECOND)
  expect(told).toEqual([])
  logins.tick(4 * SECOND)
  expect(told).toEqual([{ origin, at: 1 * SECOND, pid: 500, user: 'mallory' }])
  logins.note(origin, 9 * SECOND, 9 * SECOND, 500, 'eve')
  logins.tick(60 * SECOND)
  expect(told).toHaveLength(1)
})

test('the first name that is one stays, and an attempt without a name is told without', () => {
  const { told, logins } = collect()
  const [first, second] = [originOf(40001), originOf(40002)]
  logins.note(first, 0, 0, 500, 'root')
  logins.note(first, 0, 0, 500, 'toor')
  logins.note(second, 0, 0, 501, '?')
  logins.tick(Number.POSITIVE_INFINITY)
  expect(told.map(({ pid, user }) => [pid, user])).toEqual([
    [500, 'root'],
    [501, ''],
  ])
})

test('a flood of attempts at one moment is bounded, and nothing of it is lost', () => {
  const { told, logins } = collect()
  for (let i = 0; i < 10_000; i++) logins.note(originOf(i), 0, 0, i, 'root')
  expect(told).toHaveLength(10_000 - 4096)
  logins.tick(Number.POSITIVE_INFINITY)
  expect(told.map(({ pid }) => pid)).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
})
