/** `report revocation` as a person runs it, in this process. */
import { type RevocationArguments, runReportRevocation } from '../../src/commands/report-revocation.ts'
import { NOW, type Told } from './asking.ts'
import { createContext } from './made-store.ts'

export type Asked = Partial<Omit<RevocationArguments, 'store' | 'peer'>> & { readonly columns?: number }

export async function askRevocation(dir: string, peer: string, options: Asked = {}): Promise<Told> {
  const { columns, ...rest } = options
  const { context } = createContext({ now: NOW, ...(columns === undefined ? {} : { columns }) })
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
  const exit = await runReportRevocation({ ...asked, peer, store: dir }, context)
  // The terminal of createContext is one that keeps what was printed.
  const { printed, said } = context.terminal as ReturnType<typeof import('./memory-terminal.ts').createMemoryTerminal>
  return { exit, printed: printed(), said: said() }
}

/** The report of the first key, as JSON. */
// biome-ignore lint/suspicious/noExplicitAny: documents of the command's own, read only by tests
export async function revocationOf(dir: string, peer: string, options: Asked = {}): Promise<any> {
  const { exit, printed } = await askRevocation(dir, peer, { ...options, isJson: true })
  const answer = JSON.parse(printed)
  return { exit, ...answer.keys[0], keyCount: answer.keys.length }
}
