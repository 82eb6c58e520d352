/** Where the daemon keeps its own things: as the pipeline says, else beside the store, else beside the pipeline file. */
import { resolve } from 'node:path'
import type { PipelineConfig } from '../config.ts'

/** `base`: directory of the pipeline file; relative paths start there. */
export function stateDirOf({ state, store }: Pick<PipelineConfig, 'state' | 'store'>, base: string): string {
  if (state.dir !== '') return resolve(base, state.dir)
  return resolve(base, store === null ? 'peertrail-state' : `${store.dir.replace(/\/+$/, '')}-state`)
}
