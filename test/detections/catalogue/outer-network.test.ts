import { expect, test } from 'vitest'
import { outerNetwork } from '../../../src/detections/catalogue/outer-network.ts'

test('neighbours of one provider are one network, of both families', () => {
  expect(outerNetwork('203.0.113.7')).toBe('203.0.113.0/24')
  expect(outerNetwork('203.0.113.250')).toBe(outerNetwork('203.0.113.7'))
  expect(outerNetwork('203.0.114.7')).not.toBe(outerNetwork('203.0.113.7'))
  expect(outerNetwork('2001:db8:7:1::1')).toBe('2001:db8:7::/48')
  expect(outerNetwork('2001:db8:7:2::1')).toBe('2001:db8:7::/48')
})

test('what is no address is no network', () => {
  expect(outerNetwork('')).toBe('')
  expect(outerNetwork('unix:/run/x')).toBe('')
})
