/**
 * `peertrail rules export FILE…`: rules as the Elastic detection engine imports them (`POST /api/detection_engine/rules/_import`), a
 * line each, switched off.
 */
import { kibanaRuleOf } from '../detections/rules/kibana-rule.ts'
import { readRuleFiles } from '../detections/rules/load-rules.ts'
import { datasetsOf } from '../detections/rules/rule-datasets.ts'
import { streamOf, streamPattern } from '../elasticsearch/streams.ts'
import { counted, type Terminal } from './terminal.ts'
import { createTextOutlet, type TextStream } from './text-outlet.ts'

/** Throws AppError for files that cannot be read or used. */
export async function runRulesExport(
  files: readonly string[],
  { terminal, stdout }: { readonly terminal: Terminal; readonly stdout: TextStream },
): Promise<number> {
  const rules = await readRuleFiles(files)
  const lines = rules.map((rule) => {
    const index = datasetsOf(rule.query).flatMap((dataset) => {
      const stream = streamOf(dataset)
      return stream === undefined ? [] : [streamPattern(stream)]
    })
    return `${JSON.stringify(kibanaRuleOf(rule, index))}\n`
  })
  await createTextOutlet(stdout).write(lines.join(''))
  terminal.err(`${counted(lines.length, 'rule')}, switched off: import them in Kibana under Security, Rules\n`)
  return 0
}
