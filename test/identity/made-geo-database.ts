/** Writes a small database in MaxMind's format (MaxMind DB file format 2.0, IPv6 tree with 24-bit records) for tests. */
import { addressBits } from '../../src/address.ts'

export type MadeValue = string | number | { readonly uint: number } | { readonly [name: string]: MadeValue }

type Leaf = { readonly offset: number }
type Node = [Node | Leaf | null, Node | Leaf | null]

/** `records`: what is said of each prefix; numbers are doubles, `{ uint }` an unsigned integer. */
export function madeGeoDatabase(records: Readonly<Record<string, MadeValue>>): Uint8Array {
  const root: Node = [null, null]
  const data: number[] = []
  for (const [prefix, record] of Object.entries(records)) {
    insert(root, prefix, { offset: data.length })
    data.push(...encoded(record))
  }
  const nodes: Node[] = []
  number(root, nodes)
  const tree = nodes.flatMap((node) => node.flatMap((child) => bigEndian(pointerOf(child, nodes), 3)))
  const metadata: MadeValue = {
    binary_format_major_version: { uint: 2 },
    binary_format_minor_version: { uint: 0 },
    build_epoch: { uint: 1_795_000_000 },
    database_type: 'Made-City',
    ip_version: { uint: 6 },
    node_count: { uint: nodes.length },
    record_size: { uint: 24 },
  }
  const marker = [0xab, 0xcd, 0xef, ...Buffer.from('MaxMind.com')]
  return Uint8Array.from([...tree, ...bigEndian(0, 16), ...data, ...marker, ...encoded(metadata)])
}

function insert(root: Node, prefix: string, leaf: Leaf): void {
  const [address = '', length = ''] = prefix.split('/')
  const bits = addressBits(address)
  if (bits === null) throw new Error(`no address: ${address}`)
  // IPv4 stands in the first 96 zero bits' subtree.
  const words = [bits.a, bits.b, bits.c, bits.d]
  const depth = Number(length) + (bits.family === 4 ? 96 : 0)
  let node = root
  for (let i = 0; i < depth; i++) {
    const side = ((words[i >> 5] ?? 0) >>> (31 - (i & 31))) & 1
    if (i === depth - 1) {
      node[side] = leaf
      return
    }
    const child = node[side]
    const next: Node = Array.isArray(child) ? child : [null, null]
    node[side] = next
    node = next
  }
}

function number(node: Node, into: Node[]): void {
  into.push(node)
  for (const child of node) if (Array.isArray(child)) number(child, into)
}

function pointerOf(child: Node | Leaf | null, nodes: readonly Node[]): number {
  if (child === null) return nodes.length
  return Array.isArray(child) ? nodes.indexOf(child) : nodes.length + 16 + child.offset
}

function encoded(value: MadeValue): number[] {
  if (typeof value === 'string') return [...control(2, Buffer.byteLength(value)), ...Buffer.from(value)]
  if (typeof value === 'number') {
    const double = Buffer.alloc(8)
    double.writeDoubleBE(value)
    return [...control(3, 8), ...double]
  }
  const { uint } = value
  if (typeof uint === 'number') return [...control(6, 4), ...bigEndian(uint, 4)]
  const members = Object.entries(value)
  return [...control(7, members.length), ...members.flatMap(([name, each]) => [...encoded(name), ...encoded(each)])]
}

function control(type: number, size: number): number[] {
  return size < 29 ? [(type << 5) | size] : [(type << 5) | 29, size - 29]
}

function bigEndian(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** (bytes - 1 - i)) % 256)
}
