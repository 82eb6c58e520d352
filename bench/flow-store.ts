/**
 * A store of flow documents over a month, written once by the store's own writer and kept in bench/.data for the questions: writing
 * five million of them takes minutes. What the writing took is told by the run that wrote it.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { STORE_SCHEMA } from '../src/store/layout.ts'
import { MONTH } from './flow-documents.ts'
import { type Job, measure, type Usage } from './measure.ts'

export type FlowStore = {
  readonly directory: string
  /** Null when an earlier run had written it. */
  readonly usage: Usage | null
}

/** Goes up with every change of what is written, so that no stale store is asked. */
const GENERATION = 1

/** Writes `rows` flow documents of `days` days into `directory`, `-` = makes them only: half of them starts, half ends. */
export function writeFlowsJob(directory: string, rows: number, days: number): Job {
  return job(directory, rows / 2, days, '')
}

export function generateFlowStore(dataDirectory: string, rows: number): Promise<FlowStore> {
  const directory = join(dataDirectory, `store-${rows}`)
  return generate(directory, (partial) => writeFlowsJob(partial, rows, MONTH.days))
}

/** As a gateway with long connections and a firewall writes them: progress and denied packets among them. */
export function generateMixedStore(dataDirectory: string, flows: number): Promise<FlowStore> {
  return generate(join(dataDirectory, `mixed-${flows}`), (partial) => job(partial, flows, MONTH.days, 'mixed'))
}

function job(directory: string, flows: number, days: number, kind: string): Job {
  const script = join(import.meta.dirname, 'write-flows.ts')
  return { command: process.execPath, args: [...process.execArgv, script, directory, `${flows}`, `${days}`, kind] }
}

async function generate(directory: string, jobFor: (partial: string) => Job): Promise<FlowStore> {
  const note = `${directory}.json`
  const wanted = JSON.stringify({ generation: GENERATION, schema: STORE_SCHEMA })
  if (existsSync(directory) && existsSync(note) && readFileSync(note, 'utf8') === wanted)
    return { directory, usage: null }
  // Written aside and renamed whole: a run beside this one never asks half a store.
  const partial = `${directory}.${process.pid}.partial`
  try {
    const usage = await measure(jobFor(partial))
    rmSync(note, { force: true })
    rmSync(directory, { recursive: true, force: true })
    renameSync(partial, directory)
    writeFileSync(note, wanted)
    return { directory, usage }
  } finally {
    rmSync(partial, { recursive: true, force: true })
  }
}
