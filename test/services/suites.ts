/** Every suite, in the order in which they run on each kind of engine. One line each. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Suite } from './suite.ts'

/** While suites are being written: those that are there, each file with whatever it exports that is a suite. */
const FILES = [
  'templates',
  'install',
  'sink',
  'dead-letters',
  'tls-and-users',
  'round-trip',
  'lab-1',
  'answers',
  'daemon',
]

export async function allSuites(): Promise<readonly Suite[]> {
  const there = FILES.map((name) => join(import.meta.dirname, `${name}.ts`)).filter((path) => existsSync(path))
  const modules: readonly Record<string, unknown>[] = await Promise.all(there.map((path) => import(path)))
  return modules.flatMap((module) => Object.values(module).flat().filter(isSuite))
}

function isSuite(value: unknown): value is Suite {
  return typeof value === 'object' && value !== null && 'run' in value && 'engines' in value && 'name' in value
}
