/** Where the script that starts a broker lies beside the checkout, and the class path it needs, which it makes with Maven when there is none. */
import { hash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { NoEngineError } from './engine-contract.ts'
import type { EnginePlace } from './engine-place.ts'

const BESIDE = resolve(import.meta.dirname, '../../../shared/engines/kafka/broker')
const SCRIPT = join(BESIDE, 'start-kafka.sh')

export function isBrokerBeside(): boolean {
  return existsSync(SCRIPT)
}

/** Throws NoEngineError when there is none. */
export function brokerPlace(): EnginePlace {
  if (!isBrokerBeside())
    throw new NoEngineError('no broker is named, no Docker answers, and none lies beside the checkout')
  // Not beside the script: that may not be writable. Kept for the next run.
  const uid = process.getuid?.() ?? 0
  const jars = hash('sha256', readFileSync(join(BESIDE, 'pom.xml'))).slice(0, 12)
  const file = join(tmpdir(), `peertrail-kafka-${uid}-${jars}`, 'kafka.classpath')
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  // What is started from it runs as we do.
  if (statSync(dirname(file)).uid !== uid) throw new NoEngineError(`${dirname(file)} belongs to somebody else`)
  if (existsSync(file) && !isWhole(file)) rmSync(file)
  return { script: SCRIPT, environment: { KAFKA_CLASSPATH_FILE: file } }
}

/** Maven's repository may have been emptied since. */
function isWhole(file: string): boolean {
  const jars = readFileSync(file, 'utf8').trim().split(':')
  return jars.every((path) => existsSync(path))
}
