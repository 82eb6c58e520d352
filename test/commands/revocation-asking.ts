/** `report revocation` as a person runs it, in this process. */
import { type RevocationArguments, runReportRevocation } from '../../src/commands/report-revocation.ts'
import { NOW, type Told } from './asking.ts'
import { createContext } from './made-store.ts'
import { createMemoryTerminal } from './memory-terminal.ts'

export type Asked = Partial<Omit<RevocationArguments, 'store' | 'peer'>> & { readonly columns?: number }

export async function askRevocation(dir: string, peer: string, options: Asked = {}): Promise<Told> {
  const { columns, ...rest } = options
  const { context } = createContext({ now: NOW, ...(columns === undefined ? {} : { columns }) })
  const terminal = createMemoryTerminal()
  const asked = {
    since: '',
    compromisedAt: '',
    until: '',
    inventory: '',
    conf: [],
    isJson: false,
    pipeline: '',
    ...rest,
  }
  const exit = await runReportRevocation({ ...asked, peer, store: dir }, { ...context, terminal })
  return { exit, printed: terminal.printed(), said: terminal.said() }
}

/** The report of the first key, as JSON. */
// biome-ignore lint/suspicious/noExplicitAny: documents of the command's own, read only by tests
export async function revocationOf(dir: string, peer: string, options: Asked = {}): Promise<any> {
  const { exit, printed } = await askRevocation(dir, peer, { ...options, isJson: true })
  const answer = JSON.parse(printed)
  return { exit, ...answer.keys[0], keyCount: answer.keys.length }
}
