/**
 * Real engines for tests. Where they come from, in this order: the server that PEERTRAIL_TEST_ELASTICSEARCH names; the service of
 * docker-compose.yml where Docker answers (engine-compose.ts); the engines beside the checkout (engine-process.ts).
 *
 *     const engine = await startEngine({ kind: 'elasticsearch-9' })
 *     const client = connect(engine.connection)
 *     …
 *     await engine.close()
 *
 * What is not closed is killed when this process ends, however it ends.
 */
import { composeEngine, isComposeThere } from './engine-compose.ts'
import type { Engine, EngineOptions } from './engine-contract.ts'
import { givenEngine, givenUrl, URL_NAME } from './engine-given.ts'
import { areEnginesBeside } from './engine-place.ts'
import { localEngine } from './engine-process.ts'

/** Resolves when it answers. Throws NoEngineError; Error with the tail of its log when it does not come up. */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  if (givenUrl() !== '') return givenEngine(options)
  if (isComposeThere(options)) return composeEngine(options)
  return localEngine(options)
}

/** Why there can be no engine at all, '' when there can. */
export function whyNoEngine(): string {
  if (givenUrl() !== '' || areEnginesBeside() || isComposeThere({ kind: 'elasticsearch-9' })) return ''
  return `no real server can be had here. Any of these will do:
  ${URL_NAME}=http://127.0.0.1:9200 names one that may be filled with test documents
  Docker, which starts the one of docker-compose.yml
  the engines in ../shared/engines/elastic, which need a JDK, Maven, unzip and patch`
}
