/** stand-in */
import type { Engine } from './engine-contract.ts'
import type { Overheard } from './overheard.ts'
import type { SuiteContext } from './suite.ts'
export async function checkWriterKey(_context: SuiteContext, _engine: Engine, _overheard: Overheard): Promise<void> {}
