/** Documents get their turn in order of time and id, once each, within bounds. */
import { describe, expect, test } from 'vitest'
import type { SeenDocument } from '../../../src/detections/catalogue/detection.ts'
import {
  createDocumentsInOrder,
  type DocumentsInOrder,
  KNOWN_FOR,
  KNOWN_MAX,
  WAITING_MAX,
} from '../../../src/detections/catalogue/documents-in-order.ts'
import { restored } from '../../restored.ts'

const document = (at: number, id: string): SeenDocument => ({ at, id, dataset: 'wireguard.flow', fields: {} })

function turns(line: DocumentsInOrder, watermark: number): string[] {
  const ids: string[] = []
  for (let next = line.next(watermark); next !== null; next = line.next(watermark)) ids.push(next.id)
  return ids
}

describe('documents', () => {
  test('have their turn before the watermark, by time and then by id', () => {
    const line = createDocumentsInOrder()
    for (const [at, id] of [
      [5, 'e'],
      [1, 'b'],
      [3, 'c'],
      [1, 'a'],
      [4, 'd'],
    ] as const)
      line.add(document(at, id))
    expect(turns(line, 4)).toEqual(['a', 'b', 'c'])
    expect(line.waiting).toBe(2)
    line.add(document(4, 'c2'))
    expect(turns(createDocumentsInOrder(restored(line.save())), 10)).toEqual(['c2', 'd', 'e'])
    expect(turns(line, 10)).toEqual(['c2', 'd', 'e'])
    expect(turns(line, 10)).toEqual([])
  })

  test('that come again are passed over, before their turn and after it', () => {
    const line = createDocumentsInOrder()
    line.add(document(1, 'a'))
    line.add(document(1, 'a'))
    expect(turns(line, 2)).toEqual(['a'])
    expect(line.add(document(1, 'a'))).toBeNull()
    expect(createDocumentsInOrder(restored(line.save())).add(document(1, 'a'))).toBeNull()
    expect(turns(line, 2)).toEqual([])
    expect(line.repeated).toBe(2)
  })

  test('that come late have their turn at once, however late', () => {
    const line = createDocumentsInOrder()
    line.add(document(KNOWN_FOR + 100, 'a'))
    turns(line, Number.POSITIVE_INFINITY)
    expect(line.add(document(100, 'late'))).toEqual(document(100, 'late'))
    expect(line.add(document(100, 'late'))).toBeNull()
    expect(line.add(document(99, 'very late'))).toEqual(document(99, 'very late'))
    expect([line.late, line.repeated]).toEqual([2, 1])
  })
})

describe('memory', () => {
  test('too many that wait have their turn early, the oldest first', () => {
    const line = createDocumentsInOrder()
    for (let n = WAITING_MAX + 10; n > 0; n--) line.add(document(n, `id${n}`))
    expect(turns(line, 0)).toEqual(Array.from({ length: 10 }, (_, i) => `id${i + 1}`))
    expect([line.waiting, line.forced, line.isOverfull]).toEqual([WAITING_MAX, 10, false])
    for (let n = 0; !line.isOverfull; n++) line.add(document(1e6 + n, `more${n}`))
    expect(line.waiting).toBeLessThan(1.5 * WAITING_MAX)
  })

  test('what had its turn is forgotten after a while, and when there is too much', () => {
    const line = createDocumentsInOrder()
    for (let n = 0; n <= KNOWN_MAX + 5; n++) {
      line.add(document(1, `id${String(n).padStart(7, '0')}`))
      if (n % 10_000 === 0) turns(line, 2)
    }
    turns(line, 2)
    expect(line.save().known.size).toBe(KNOWN_MAX)
    line.add(document(KNOWN_FOR + 2, 'much later'))
    turns(line, Number.POSITIVE_INFINITY)
    expect([...line.save().known.keys()]).toEqual(['much later'])
  })
})
