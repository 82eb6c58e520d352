/** What a live run is told by its pipeline file and inventory, read and checked as a whole: at the start, and again for SIGHUP. */

import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { defaultHostOptions, type HostOptions, type PipelineConfig, parsePipeline } from '../config.ts'
import type { SourceName } from '../correlate/intake.ts'
import { AppError } from '../errors.ts'
import { emptyInventory, type Inventory, parseInventory } from '../identity/inventory.ts'
import { readText } from '../read-text.ts'
import { safeText } from '../safe-text.ts'
import { type Ruleset, rulesetOf } from '../sources/nftables/ruleset.ts'
import { type RulesetDocument, readRulesetDocument } from '../sources/nftables/ruleset-document.ts'
import { type FindingInputs, loadFindingInputs } from './finding-inputs.ts'
import { type Plan, planSources, statePlaces } from './plan.ts'
import { stateDirOf } from './state-place.ts'

export type Settings = {
  /** The pipeline file, as given. */
  readonly path: string
  readonly base: string
  /** This machine's name. */
  readonly machine: string
  readonly config: PipelineConfig
  readonly inventory: Inventory
  readonly inventoryText: string
  readonly findings: FindingInputs
  readonly stateDir: string
  readonly plan: Plan
  readonly hosts: readonly HostSettings[]
}

export type HostSettings = {
  readonly name: string
  readonly options: HostOptions
  readonly sources: readonly SourceName[]
  /** Of no date (ruleset.json): it holds from the beginning. */
  readonly rulesets: readonly Ruleset[]
  /** The same, whole. */
  readonly documents: readonly RulesetDocument[]
  readonly hasRulesetDumps: boolean
  /** Text of `conntrack.stderr` beside a followed conntrack.log, '' = none. */
  readonly conntrackStderr: string
}

/** `state`: --state, '' = as the pipeline says. Throws AppError `cannot-read`, `bad-pipeline`, `bad-inventory`. */
export async function loadSettings(path: string, machine: string, state: string): Promise<Settings> {
  const base = dirname(resolve(path))
  const config = parsePipeline(await readText(path), basename(path))
  if (config.sources.length === 0)
    throw new AppError('bad-pipeline', `${safeText(path)} names no source`, {
      advice: 'A live run needs `sources:`; `peertrail init` writes a file for this machine.',
    })
  refuseSinks(config, path)
  const inventoryPath = config.inventory === '' ? '' : resolve(base, config.inventory)
  const inventoryText = inventoryPath === '' ? '' : await readText(inventoryPath)
  const inventory = inventoryPath === '' ? emptyInventory() : parseInventory(inventoryText, basename(inventoryPath))
  const stateDir = state === '' ? stateDirOf(config, base) : resolve(state)
  const plan = planSources(config, { machine, base, journals: statePlaces(stateDir).journals })
  if (plan.problems.length > 0)
    throw new AppError('bad-pipeline', `${safeText(path)}: ${safeText(plan.problems.join('; '))}`, {
      advice: 'Give both sources the same command, one that prints what both need.',
    })
  const findings = await loadFindingInputs(config, base)
  const hosts = await hostsOf(config, plan)
  return { path, base, machine, config, inventory, inventoryText, findings, stateDir, plan, hosts }
}

/** Documents that go nowhere would be counted as delivered. */
function refuseSinks({ store, ndjson, command, elasticsearch, kafka }: PipelineConfig, path: string): void {
  if (store !== null || ndjson !== '' || command !== null || elasticsearch !== null || kafka !== null) return
  throw new AppError('bad-pipeline', `${safeText(path)} names no sink`, {
    advice: 'A live run needs one: `sinks: { store: { dir: /var/lib/peertrail } }`.',
  })
}

async function hostsOf(config: PipelineConfig, plan: Plan): Promise<HostSettings[]> {
  const names = [...new Set([...plan.files.map(({ host }) => host), ...plan.rulesets.map(({ host }) => host)])]
  return Promise.all(
    names.map(async (name) => {
      const files = plan.files.filter(({ host }) => host === name)
      const conntrack = files.find(({ entry, isJournal }) => entry.kind === 'conntrack' && !isJournal)
      const documents = await Promise.all(
        plan.rulesets.filter(({ host }) => host === name).map(({ path }) => loadRuleset(path)),
      )
      return {
        name,
        options: config.hosts.get(name) ?? defaultHostOptions(),
        sources: [...new Set(files.filter(isRecords).map(({ entry }) => entry.name))],
        rulesets: documents.map(rulesetOf),
        documents,
        hasRulesetDumps: files.some(({ entry }) => entry.kind === 'ruleset-dump'),
        conntrackStderr: conntrack === undefined ? '' : await textBeside(conntrack.path, 'conntrack.stderr'),
      }
    }),
  )
}

function isRecords({ entry }: Plan['files'][number]): boolean {
  return entry.kind !== 'ruleset-dump'
}

async function loadRuleset(path: string): Promise<RulesetDocument> {
  const parsed = readRulesetDocument(await readText(path))
  if (!('problem' in parsed)) return parsed
  throw new AppError('bad-pipeline', `${safeText(path)}: ${parsed.problem}`, {
    advice: 'Write it with `nft -j -a list ruleset`.',
  })
}

/** '' where there is none: most logs have no such neighbour. */
async function textBeside(path: string, name: string): Promise<string> {
  return readFile(resolve(dirname(path), name), 'latin1').catch(() => '')
}
