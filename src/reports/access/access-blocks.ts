/**
 * What many rows have in common, printed once: blocks of cells and members for the files, and the names of the group a row counts in.
 * Texts here came with documents; The lines' makers (row-lines.ts) print them.
 */
import { addressText } from '../../address-digits.ts'
import type { Holder, KnownHolder, NamesMode } from '../names/names.ts'
import { type Row, type RowValue, rowLines } from '../rows/row-lines.ts'
import { HOST_FIELDS, RULE_FIELDS, WHAT_FIELDS, WHO_COLUMNS } from './access-columns.ts'
import type { AccessGroup, Outcome } from './access-rows.ts'

/** Cells joined by commas; members, each with a comma before it. */
export type Block = { readonly csv: string; readonly json: string }

/** Values of a combination by position, as JSON has them. */
export type Values = readonly (string | number | readonly string[] | null)[]

export type PersonBlock = Block & {
  readonly group: string
  readonly renamed: boolean
  /** E-mail, by the mode; '' = none documented. */
  readonly owner: string
}
export type ThingBlock = Block & { readonly group: string; readonly outcome: Outcome }

export type WhoGroup = Pick<AccessGroup, 'status' | 'reason' | 'holder' | 'now' | 'gateway' | 'interface'>
export type WhatGroup = Pick<AccessGroup, 'resource' | 'resourceOwner' | 'classification' | 'transport' | 'policy'>

/** One value as a cell, as row-lines.ts prints it. */
export function printCell(value: RowValue): string {
  return block(['x'], [value]).csv
}

function block(columns: readonly string[], values: readonly RowValue[]): Block {
  const row: Row = Object.fromEntries(columns.map((name, i) => [name, values[i]]))
  const members = rowLines('ndjson', columns, [row], false).slice(1, -2)
  return {
    csv: rowLines('csv', columns, [row], false).slice(0, -1),
    json: members === '' ? '' : `,${members}`,
  }
}

/** `known`: what the newest inventory says of the key at the time; null = nothing. */
export function personBlock(values: Values, known: KnownHolder | null, mode: NamesMode): PersonBlock {
  const text = (i: number) => textOf(values[i])
  const recorded: Holder = {
    publicKey: text(0),
    name: text(1),
    kind: text(2),
    groups: listOf(values[3]),
    device: text(4),
    ownerName: text(5),
    ownerEmail: text(6),
  }
  const current = known === null ? null : holderOf(known)
  const renamed = current !== null && isNamedOtherwise(recorded, current)
  const holder = mode === 'as-known-now' && current !== null ? current : recorded
  const status = text(7) === 'exact' || text(7) === 'ambiguous' ? text(7) : 'unknown'
  const group: WhoGroup = {
    // One of the three, by the line above.
    status: status as WhoGroup['status'],
    reason: text(9),
    holder,
    now: renamed ? current : null,
    gateway: text(13),
    interface: text(14),
  }
  const cells: readonly RowValue[] = [
    holder.publicKey,
    holder.name,
    holder.kind,
    holder.groups,
    holder.device,
    holder.ownerName,
    holder.ownerEmail,
    renamed && current !== null ? holderText(current) : '',
    renamed ? holderText(recorded) : '',
    ...values.slice(7, 15),
    shownAddress(text(15)),
    values[16],
  ].map(absentOf)
  return { ...block(WHO_COLUMNS, cells), group: JSON.stringify(group), renamed, owner: holder.ownerEmail }
}

/** '' and [] of an inventory mean the same as a field that is absent. */
function absentOf(value: RowValue): RowValue {
  return value === '' || (typeof value === 'object' && value?.length === 0) ? null : value
}

function holderOf({ publicKey, name, kind, device, groups, ownerName, ownerEmail }: KnownHolder): Holder {
  return { publicKey, name, kind, groups, device, ownerName, ownerEmail }
}

/** Kind and groups alone are no other person or device. */
function isNamedOtherwise(one: Holder, other: Holder): boolean {
  return (
    one.name !== other.name ||
    one.device !== other.device ||
    one.ownerName !== other.ownerName ||
    one.ownerEmail !== other.ownerEmail
  )
}

/** `Bob Example <bob@example.com>, bob-laptop, ThinkPad`; `not documented` where all of it is ''. */
function holderText({ ownerName, ownerEmail, name, device }: Holder): string {
  const owner = ownerEmail === '' ? ownerName : `${ownerName} <${ownerEmail}>`.trim()
  return [owner, name, device].filter((part) => part !== '').join(', ') || 'not documented'
}

/** What was reached, and how it ended, as one combination of fields says. */
export function thingBlock(values: Values): ThingBlock {
  const outcome = textOf(values[5])
  const group: WhatGroup = {
    resource: textOf(values[1]) || 'uncatalogued',
    resourceOwner: textOf(values[2]),
    classification: textOf(values[3]),
    transport: textOf(values[0]),
    policy: textOf(values[4]),
  }
  const known = isOutcome(outcome) ? outcome : 'unknown'
  const shown = values.map((value, i) => (i === 5 ? known : value))
  return { ...block(WHAT_FIELDS, shown), group: JSON.stringify(group), outcome: known }
}

function isOutcome(text: string): text is Outcome {
  return ['connected', 'refused', 'no-answer', 'denied', 'unknown'].includes(text)
}

/** The rule of a packet log line. */
export function ruleBlock(values: Values): Block {
  return block(RULE_FIELDS, values)
}

/** Who took the connection on the target host. */
export function hostBlock(values: Values): Block {
  return block(HOST_FIELDS, values)
}

/** An address of a document: a cell and, as a value, JSON. */
export function addressBlock(digits: string): Block {
  const text = shownAddress(digits)
  return { csv: printCell(text), json: JSON.stringify(text) }
}

/** Digits of the store as people write the address. What is no address stands there as its text. */
export function shownAddress(digits: string): string {
  return /^[0-9a-f]{32}$/.test(digits) ? addressText(digits) : digits
}

function textOf(value: Values[number] | undefined): string {
  return value === null || value === undefined ? '' : String(value)
}

function listOf(value: Values[number] | undefined): readonly string[] {
  return typeof value === 'object' && value !== null ? value : []
}
