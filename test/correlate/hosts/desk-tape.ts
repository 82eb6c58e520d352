/**
 * Everything the host desks are told in a run, in order, so that it can be told again: to desks that are left alone, and to desks
 * that are saved and made anew in between.
 */
import { expect } from 'vitest'
import type { AuditScope } from '../../../src/correlate/hosts/host-desk.ts'
import { createHostDesks, type HostDesks } from '../../../src/correlate/hosts/host-desks.ts'
import type { IntakeHost, Item, SourceName } from '../../../src/correlate/intake.ts'
import type { Event } from '../../../src/event.ts'
import { printEvent } from '../../../src/event-json.ts'
import type { Inventory } from '../../../src/identity/inventory.ts'
import { createPipeline, type Pipeline } from '../../../src/pipeline.ts'
import type { AuditEvent } from '../../../src/sources/auditd/record.ts'
import { type Micros, MS, SECOND } from '../../../src/time.ts'
import { restored } from '../../restored.ts'
import type { Source } from './pipeline-run.ts'

export type Call =
  | { readonly what: 'pass'; readonly event: Event }
  | { readonly what: 'take'; readonly host: string; readonly event: AuditEvent }
  | { readonly what: 'tick'; readonly watermark: Micros; readonly settled: Micros }

export type DeskTape = {
  readonly calls: readonly Call[]
  readonly inventory: Inventory
  readonly hosts: ReadonlyMap<string, AuditScope>
  readonly hasFlows: boolean
  readonly isOwnAddress: (host: string, address: string) => boolean
}

/** How late any record comes, in these captures. */
const LATENESS: Micros = 2 * SECOND
const GRID: Micros = 100 * MS

/** Runs the gateways alone; what they tell, and the audit events between, is what the desks are told. */
export function recordTape(
  inventory: Inventory,
  hosts: readonly Omit<IntakeHost, 'sources'>[],
  sources: readonly Source[],
): DeskTape {
  const calls: Call[] = []
  const intake = hosts.map((host) => ({ ...host, sources: flowSources(sources, host.name) }))
  const pipeline = createPipeline({ hosts: intake, inventory, ledger: null }, (event) => {
    if (event.dataset !== 'wireguard.session' && event.dataset !== 'wireguard.coverage')
      calls.push({ what: 'pass', event })
  })
  let tickedAt = Number.NEGATIVE_INFINITY
  for (const { host, name, item } of inOrder(sources)) {
    const watermark = Math.floor((item.arrival - LATENESS) / GRID) * GRID
    if (watermark > tickedAt) {
      tickedAt = watermark
      calls.push(tickOf(pipeline, watermark))
    }
    if (name !== 'auditd') pipeline.take(host, name, item)
    else if (item.kind === 'audit') calls.push({ what: 'take', host, event: item })
  }
  for (const { host, name } of sources) pipeline.finish(host, name)
  calls.push(tickOf(pipeline, Number.POSITIVE_INFINITY))
  const audited = hosts.filter(({ name }) => sources.some((each) => each.host === name && each.name === 'auditd'))
  return {
    calls,
    inventory,
    hosts: new Map(audited.map(({ name, options }) => [name, options.audit])),
    hasFlows: intake.some((host) => host.sources.some((name) => name !== 'wireguard')),
    isOwnAddress: (name, address) => pipeline.gateways.get(name)?.attributor.isOwnAddress(address) === true,
  }
}

function flowSources(sources: readonly Source[], host: string): readonly SourceName[] {
  return sources.filter((each) => each.host === host && each.name !== 'auditd').map(({ name }) => name)
}

type Placed = { readonly host: string; readonly name: SourceName; readonly item: Item }

/** By arrival; of the same moment in the order of the sources. */
function inOrder(sources: readonly Source[]): Placed[] {
  return sources
    .flatMap(({ host, name, items }) => items.map((item): Placed => ({ host, name, item })))
    .sort((a, b) => a.item.arrival - b.item.arrival)
}

function tickOf(pipeline: Pipeline, watermark: Micros): Call {
  for (const name of pipeline.gateways.keys()) pipeline.tickHost(name, watermark, watermark)
  pipeline.tick(watermark, watermark)
  let settled = watermark
  for (const gateway of pipeline.gateways.values()) settled = Math.min(settled, gateway.settled(watermark))
  return { what: 'tick', watermark, settled }
}

/** All that the desks say; they are saved and made anew before each call that is cut. */
export function play(tape: DeskTape, isCut: (call: Call, index: number) => boolean): readonly string[] {
  const told: string[] = []
  const emit = (event: Event): void => {
    told.push(printEvent(event))
  }
  const options = { ...tape, changed: (...change: readonly unknown[]) => told.push(JSON.stringify(change)) }
  let desks = createHostDesks(options, emit)
  for (const [i, call] of tape.calls.entries()) {
    if (isCut(call, i)) desks = createHostDesks(options, emit, restored(desks.save()))
    if (call.what === 'take') desks.take(call.host, call.event)
    else if (call.what === 'tick') desks.tick(call.watermark, call.settled)
    else {
      const passed = desks.pass(call.event)
      if (passed !== call.event) told.push(printEvent(passed))
    }
  }
  desks.end()
  return [...told, ...totals(tape, desks)]
}

function totals(tape: DeskTape, desks: HostDesks): string[] {
  const hosts = [...tape.hosts.keys()].map((host) => {
    const { offset, joins } = desks.clock(host)
    return JSON.stringify([host, desks.outOfScope(host), offset, joins])
  })
  return [...hosts, ...desks.limits().map(({ name, count }) => `${name} ${count}`)]
}

/** Wherever the desks are cut, they say the same. */
export function expectSame(cut: readonly string[], whole: readonly string[]): void {
  const first = whole.findIndex((line, i) => line !== cut[i])
  // The first difference says more than two long lists.
  if (first >= 0) expect([first, cut[first]]).toEqual([first, whole[first]])
  expect(cut.length).toBe(whole.length)
}
