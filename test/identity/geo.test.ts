import { expect, test } from 'vitest'
import { AppError } from '../../src/errors.ts'
import { openGeoDatabase } from '../../src/identity/geo.ts'
import { madeGeoDatabase } from './made-geo-database.ts'

const BERLIN = {
  country: { iso_code: 'DE' },
  location: { latitude: 52.52, longitude: 13.4, accuracy_radius: { uint: 20 } },
}
const BYTES = madeGeoDatabase({
  '203.0.113.0/24': BERLIN,
  '2001:db8:7::/48': { location: { latitude: -33.87, longitude: 151.21 } },
  '198.51.100.0/24': { country: { iso_code: 'JP' } },
  '192.0.2.0/24': { location: { latitude: 'north', longitude: 13 } },
  '192.0.3.0/24': { location: { latitude: 91, longitude: 13 } },
})

test('an address is where its network is', () => {
  const locate = openGeoDatabase(BYTES, 'city.mmdb')
  expect(locate('203.0.113.7')).toEqual({ latitude: 52.52, longitude: 13.4, country: 'DE', accuracyKm: 20 })
  expect(locate('2001:db8:7:1::9')).toEqual({ latitude: -33.87, longitude: 151.21, country: '', accuracyKm: 100 })
})

test('what the database does not say is not known', () => {
  const locate = openGeoDatabase(BYTES, 'city.mmdb')
  for (const address of ['203.0.114.7', '198.51.100.1', '192.0.2.1', '192.0.3.1', '2001:db8:8::1', '', 'no address'])
    expect(locate(address), address).toBeNull()
})

test('a file that is no database is refused by name', () => {
  for (const bytes of [new Uint8Array(), Buffer.from('not a database'), BYTES.subarray(0, 40)])
    expect(() => openGeoDatabase(bytes, 'city.mmdb')).toThrow(AppError)
  expect(() => openGeoDatabase(new Uint8Array(9), 'city.mmdb')).toThrow("city.mmdb is no database in MaxMind's format")
})

test('a damaged database answers or says that it does not know', () => {
  for (let i = 0; i < BYTES.length; i += 7) {
    const damaged = Uint8Array.from(BYTES)
    damaged[i] = (damaged[i] ?? 0) ^ 0xff
    let locate: ReturnType<typeof openGeoDatabase> | null = null
    try {
      locate = openGeoDatabase(damaged, 'city.mmdb')
    } catch (error) {
      expect(error).toBeInstanceOf(AppError)
    }
    if (locate !== null) expect(() => locate('203.0.113.7')).not.toThrow()
  }
})
