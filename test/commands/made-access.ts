/** Lines of an access log as a test makes and reads them. */
import { join } from 'node:path'
import { type AccessCheck, checkAccess } from '../../src/commands/access-check.ts'
import { type AccessLine, type AccessRecord, accessLine } from '../../src/commands/access-entry.ts'
import { type AppendOptions, appendAccess } from '../../src/commands/access-folder.ts'
import { micros } from './made-store.ts'

export const AT = micros('2026-11-22T16:00:00Z')
export const RECORD: AccessRecord = {
  action: 'who',
  command: ['who', '10.8.0.7'],
  at: AT,
  period: null,
  query: '10.8.0.7',
  documents: null,
  report: null,
  exit: 0,
}
export const USER = { name: 'alice', uid: 1000, loginUid: 1000, sudoUser: '', host: 'gw1' }

export function add(folder: string, count: number, options: AppendOptions = {}): void {
  for (let i = 0; i < count; i++)
    appendAccess(folder, (before) => accessLine({ ...RECORD, at: AT + i }, USER, 'store x', before), options)
}

export async function check(folder: string): Promise<AccessCheck & { all: AccessLine[] }> {
  const all: AccessLine[] = []
  const result = await checkAccess(folder, (line) => all.push(line))
  if (result === null) throw new Error('there is no access log')
  return { ...result, all }
}

export const fileIn = (folder: string) => join(folder, 'access-00000001.ndjson')
