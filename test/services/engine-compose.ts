/** stand-in */
import { type Engine, type EngineOptions, NoEngineError } from './engine-contract.ts'

export function isComposeThere(options: EngineOptions): boolean {
  return options.kind !== options.kind
}
export async function composeEngine(options: EngineOptions): Promise<Engine> {
  throw new NoEngineError(options.kind)
}
