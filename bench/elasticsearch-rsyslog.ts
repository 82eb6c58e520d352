/**
 * rsyslog sending the same documents: imfile reads them as lines of NDJSON, omelasticsearch sends them as they are, with `create` and the
 * document's own id, in bulk requests of the size of ours. It is given less work than our sink: the documents are printed already,
 * requests are not compressed (it has no such option here), nothing is remembered of what was accepted. Authority: rsyslog 8.2302's
 * documentation of imfile, omelasticsearch and queues.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type PeerJob, type PeerProgram, writeConfig } from './peer-program.ts'

const MODULES = 'usr/lib/x86_64-linux-gnu/rsyslog'
const MODULE = 'omelasticsearch.so'

export type RsyslogJobInput = {
  readonly program: PeerProgram
  /** Directories where modules are looked for. */
  readonly modules: readonly string[]
  readonly workDirectory: string
  readonly documents: string
  readonly port: number
  /** The bulk server's file, which grows with every request. */
  readonly progress: string
}

/** Where the package's module lies: rsyslog's own directory, and the one unpacked aside. Null when there is none. */
export function findModules(program: PeerProgram, asideRoot: string): readonly string[] | null {
  const directories = [...new Set(['/', program.root, asideRoot])].map((root) => join(root, MODULES)).filter(existsSync)
  return directories.some((directory) => existsSync(join(directory, MODULE))) ? directories : null
}

export function rsyslogBulkJob(input: RsyslogJobInput): PeerJob {
  const { program, modules, workDirectory, documents, port, progress } = input
  const state = join(workDirectory, 'rsyslog-bulk-state')
  // The id is what stands between the ninth and the tenth quote of a document: cheaper than reading it as JSON.
  const configuration = `global(workDirectory="${state}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="omelasticsearch")
template(name="document" type="string" string="%msg%")
template(name="id" type="string" string="%msg:F,34:10%")
ruleset(name="documents" queue.type="FixedArray" queue.size="50000" queue.dequeueBatchSize="2500" queue.workerThreads="2"
  queue.workerThreadMinimumMessages="2500") {
  action(type="omelasticsearch" server="127.0.0.1" serverport="${port}" template="document" searchIndex="logs-wireguard.firewall-bench"
    searchType="" bulkmode="on" maxbytes="5m" dynbulkid="on" bulkid="id" writeoperation="create" usehttps="off"
    action.resumeRetryCount="-1")
}
input(type="imfile" file="${documents}" tag="documents" ruleset="documents" persistStateInterval="10000" freshStartTail="off")
`
  return {
    output: progress,
    stateFolder: state,
    command: program.path,
    args: [
      '-n',
      '-f',
      writeConfig(join(workDirectory, 'rsyslog-bulk.conf'), configuration),
      '-i',
      join(workDirectory, 'rsyslog-bulk.pid'),
      '-M',
      modules.join(':'),
    ],
    env: program.env,
  }
}
