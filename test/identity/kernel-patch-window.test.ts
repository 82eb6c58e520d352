import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/errors.ts'
import { parseInventory } from '../../src/identity/inventory.ts'
import { inventoryJsonSchema } from '../../src/identity/inventory-schema.ts'
import { DAY } from '../../src/time.ts'

const ACCESS = '  - { groups: [dev], resources: [db] }\n'
const RESOURCES = 'resources:\n  - { name: db, addresses: [10.0.0.1] }\n'
const read = (policy: string) => parseInventory(`version: 1\n${RESOURCES}policy:\n${policy}`, 'inventory.yaml')

function problems(policy: string): string[] {
  try {
    read(policy)
    return []
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`)
  }
}

describe('kernel_patch_window', () => {
  test('stands beside the access lines and is none of them', () => {
    const inventory = read(`${ACCESS}  - kernel_patch_window: 30d\n`)
    expect(inventory.kernelPatchWindow).toBe(30 * DAY)
    expect(inventory.policy).toHaveLength(1)
    expect(inventory.policyFor(['dev'], 'db', 0)).toBe('allowed')
    expect(inventory.policyFor(['ops'], 'db', 0)).toBe('violation')
  })

  test('is nothing where it is not said', () => {
    expect(read(ACCESS).kernelPatchWindow).toBeNull()
  })

  test('is refused with its place where it is no duration, or said twice', () => {
    expect(problems('  - kernel_patch_window: 30\n')).toEqual([
      expect.stringMatching(/^5:\d+ policy\[0\]\.kernel_patch_window: /),
    ])
    expect(problems('  - kernel_patch_window: 30d\n  - kernel_patch_window: 60d\n')).toEqual([
      '6:5 policy[1]: kernel_patch_window is already set by policy[0]',
    ])
  })

  test('does not change what is said of a wrong access line', () => {
    expect(problems('  - { groups: [dev] }\n')).toEqual([
      expect.stringMatching(/^5:\d+ policy\[0\]\.resources: missing/),
    ])
    expect(problems('  - { groups: [dev], resources: [db], sinse: 2026-01-01 }\n')).toEqual([
      expect.stringContaining('sinse'),
    ])
    expect(problems('  - 3\n')).toEqual([expect.stringContaining('expected keys with values')])
  })

  test('is in the schema for editors', () => {
    expect(JSON.stringify(inventoryJsonSchema())).toContain('kernel_patch_window')
  })
})
