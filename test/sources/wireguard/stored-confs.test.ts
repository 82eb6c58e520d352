/** Stored configurations of a folder that others have put things into. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readStoredConfs } from '../../../src/sources/wireguard/stored-confs.ts'
import { openWorkshop, type Workshop } from '../../live/collectors/workshop.ts'
import { privateKey } from './made-keys.ts'

let shop: Workshop
beforeEach(() => {
  shop = openWorkshop()
  mkdirSync(shop.path('etc/wireguard'), { recursive: true })
})
afterEach(() => shop.remove())

function names(): unknown {
  const found = readStoredConfs(shop.dir)
  return 'problem' in found ? found.problem : found.map((each) => each.interface)
}

describe('stored configurations', () => {
  test('what no program could load hides none of the others, and is not waited for', () => {
    writeFileSync(shop.path('etc/wireguard/wg0.conf'), `[Interface]\nPrivateKey = ${privateKey(1)}\n`)
    mkdirSync(shop.path('etc/wireguard/wg1.conf'))
    execFileSync('mkfifo', [shop.path('etc/wireguard/wg2.conf')])
    symlinkSync('/nowhere/at/all', shop.path('etc/wireguard/wg3.conf'))
    symlinkSync('wg4.conf', shop.path('etc/wireguard/wg4.conf'))
    expect(names()).toEqual(['wg0'])
    expect(JSON.stringify(readStoredConfs(shop.dir))).not.toContain(privateKey(1))
  })

  test('one that is too large to be one makes all of it unknown', () => {
    writeFileSync(shop.path('etc/wireguard/wg0.conf'), '')
    writeFileSync(shop.path('etc/wireguard/wg1.conf'), Buffer.alloc(8 * 1024 * 1024 + 1))
    expect(names()).toMatch(/larger than/)
  })
})
