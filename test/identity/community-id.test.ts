/**
 * Community ID 1.0 against vectors of the specification (its `baseline` set: TCP, UDP, SCTP, ICMP, ICMPv6 of both versions of IP) and
 * against more of them computed once with the reference implementation for Python (`communityid` 1.5.0), seed 0, base64.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalAddress } from '../../src/address.ts'
import { createAddressBook } from '../../src/identity/address-book.ts'
import { communityId } from '../../src/identity/community-id.ts'

type Vector = readonly [protocol: number, source: string, sport: number, destination: string, dport: number, id: string]

const VECTORS: readonly Vector[] = [
  [6, '128.232.110.120', 34855, '66.35.250.204', 80, '1:LQU9qZlK+B5F3KDmev6m5PMibrg='],
  [6, '66.35.250.204', 80, '128.232.110.120', 34855, '1:LQU9qZlK+B5F3KDmev6m5PMibrg='],
  [6, '10.0.0.1', 80, '10.0.0.1', 80, '1:xK6lw4idWvrwNwOsMmGICgbsxLc='],
  [6, '10.0.0.1', 90, '10.0.0.1', 80, '1:QV0P0fmx0iwyMO2/fPgxnCYVqhY='],
  [
    6,
    'fe80:0000:0000:0000:0200:86ff:fe05:80da',
    1024,
    'fe80:0000:0000:0000:0260:97ff:fe07:69ea',
    53,
    '1:JLUI9dhbhi7+OiaPfZzXw33uQLI=',
  ],
  [6, '2001:db8::2', 0, '2001:db8::1', 65535, '1:v5TJ+p9UhSw4gOlVgLwfh/cC2gA='],
  [17, '128.232.110.120', 34855, '66.35.250.204', 80, '1:tHtj5b89ms4XrWRUtWPadGMkYIM='],
  [17, '66.35.250.204', 80, '128.232.110.120', 34855, '1:tHtj5b89ms4XrWRUtWPadGMkYIM='],
  [17, '10.0.0.1', 80, '10.0.0.1', 80, '1:fr3+VtI8URx4a6WA5sQM0A5OI+Y='],
  [17, '10.0.0.1', 90, '10.0.0.1', 80, '1:i4tjVXtNaxb+EQNHwcjIvqW2mLE='],
  [
    17,
    'fe80:0000:0000:0000:0200:86ff:fe05:80da',
    1024,
    'fe80:0000:0000:0000:0260:97ff:fe07:69ea',
    53,
    '1:UgEbjhZyVnvJymPyTDH2UjptyV0=',
  ],
  [17, '2001:db8::2', 0, '2001:db8::1', 65535, '1:2Tgsd1hl1PjwZq6lE9AZ9IrSBpk='],
  [132, '128.232.110.120', 34855, '66.35.250.204', 80, '1:xOhPa0OTklQ8cuLC01oAIpRffgQ='],
  [132, '66.35.250.204', 80, '128.232.110.120', 34855, '1:xOhPa0OTklQ8cuLC01oAIpRffgQ='],
  [132, '10.0.0.1', 80, '10.0.0.1', 80, '1:z51OKD7VHjB8PU/6fg01z7DHcPo='],
  [132, '10.0.0.1', 90, '10.0.0.1', 80, '1:M2ZFrOZBc/F/Lh9eNfJl7TXDo5g='],
  [
    132,
    'fe80:0000:0000:0000:0200:86ff:fe05:80da',
    1024,
    'fe80:0000:0000:0000:0260:97ff:fe07:69ea',
    53,
    '1:uxlQP2YuwANKmfLohTBw3BlbMuw=',
  ],
  [132, '2001:db8::2', 0, '2001:db8::1', 65535, '1:HIh7IVqg3GGGnLR8GHkc61/8rPE='],
  [1, '192.168.0.89', 0, '192.168.0.1', 0, '1:Xd3I0IiB3MnC0cDe3fbqH8+dDGI='],
  [1, '192.168.0.1', 0, '192.168.0.89', 0, '1:X0snYXpgwiv9TZtqg64sgzUn6Dk='],
  [1, '192.168.0.1', 0, '192.168.0.1', 5, '1:vobiRPmOHVAn3TwshM8nYQfCrIo='],
  [1, '192.168.0.89', 3, '192.168.0.1', 0, '1:bt0BDydJjh54U2pZ3bni2OcELjY='],
  [1, '192.168.0.1', 3, '192.168.0.89', 0, '1:OJ2372gvbJTkCJqnN5Z/BIrIbsg='],
  [1, '192.168.0.1', 3, '192.168.0.1', 5, '1:KCX8D2m65edcLeMyW+HaqMgimzo='],
  [1, '192.168.0.89', 5, '192.168.0.1', 0, '1:kLtiMgsvXxev1cbXFZOsseluHWk='],
  [1, '192.168.0.1', 5, '192.168.0.89', 0, '1:2EkKA1378X+CbmrW7JchkFzBQ64='],
  [1, '192.168.0.89', 8, '192.168.0.1', 0, '1:X0snYXpgwiv9TZtqg64sgzUn6Dk='],
  [1, '192.168.0.1', 8, '192.168.0.89', 0, '1:Xd3I0IiB3MnC0cDe3fbqH8+dDGI='],
  [1, '192.168.0.1', 8, '192.168.0.1', 5, '1:vobiRPmOHVAn3TwshM8nYQfCrIo='],
  [1, '192.168.0.89', 9, '192.168.0.1', 0, '1:0hTYL8ekh0YMbFphUlZIMctBe1g='],
  [1, '192.168.0.1', 9, '192.168.0.89', 0, '1:ZCE6FYKtYq6/Z5/7VYclhgEesAg='],
  [1, '192.168.0.89', 10, '192.168.0.1', 0, '1:ZCE6FYKtYq6/Z5/7VYclhgEesAg='],
  [1, '192.168.0.1', 10, '192.168.0.89', 0, '1:0hTYL8ekh0YMbFphUlZIMctBe1g='],
  [1, '192.168.0.89', 11, '192.168.0.1', 0, '1:WWhK5yv9t1/eWrodrgw+6KseRoA='],
  [1, '192.168.0.1', 11, '192.168.0.89', 0, '1:5ppgsucJbrpJCp1T8kvBKS94Ib0='],
  [1, '192.168.0.89', 13, '192.168.0.1', 0, '1:oeo0XqAz7cn/+sOcFFOn55Omz0U='],
  [1, '192.168.0.1', 13, '192.168.0.89', 0, '1:uiloJmzo9VB4N869eqNADHXuQJM='],
  [1, '192.168.0.89', 14, '192.168.0.1', 0, '1:uiloJmzo9VB4N869eqNADHXuQJM='],
  [1, '192.168.0.1', 14, '192.168.0.89', 0, '1:oeo0XqAz7cn/+sOcFFOn55Omz0U='],
  [1, '192.168.0.89', 15, '192.168.0.1', 0, '1:fOg3Bo3uOxI7xD431D+RTtZCCjw='],
  [1, '192.168.0.1', 15, '192.168.0.89', 0, '1:6ZCKi6lsG2Rw85OQJ+W89GVQOrE='],
  [1, '192.168.0.89', 16, '192.168.0.1', 0, '1:6ZCKi6lsG2Rw85OQJ+W89GVQOrE='],
  [1, '192.168.0.1', 16, '192.168.0.89', 0, '1:fOg3Bo3uOxI7xD431D+RTtZCCjw='],
  [1, '192.168.0.89', 17, '192.168.0.1', 0, '1:l6FQTO9IDRsq7cW/KitEu2ab7NM='],
  [1, '192.168.0.1', 17, '192.168.0.89', 0, '1:6dTj0ptxvEN9+cuc4SfVqQjtlW8='],
  [1, '192.168.0.89', 18, '192.168.0.1', 0, '1:6dTj0ptxvEN9+cuc4SfVqQjtlW8='],
  [1, '192.168.0.1', 18, '192.168.0.89', 0, '1:l6FQTO9IDRsq7cW/KitEu2ab7NM='],
  [58, 'fd08::2', 1, 'fd08::1', 0, '1:BU03L8a81+kv09t++TD7lqDknEY='],
  [58, 'fd08::1', 1, 'fd08::2', 0, '1:BGQrKN8szGvw+aNEtUoOmM+ga8w='],
  [58, 'fd08::2', 128, 'fd08::1', 0, '1:LEL6Df0hCbrYINZYuWy+oqBU6u8='],
  [58, 'fd08::1', 128, 'fd08::2', 0, '1:n9Z55Ov/VBQvBcJfHdKvxmLfxe4='],
  [58, 'fd08::2', 129, 'fd08::1', 0, '1:n9Z55Ov/VBQvBcJfHdKvxmLfxe4='],
  [58, 'fd08::1', 129, 'fd08::2', 0, '1:LEL6Df0hCbrYINZYuWy+oqBU6u8='],
  [58, 'fd08::2', 130, 'fd08::1', 0, '1:SXOOM4QBaNcCY61pKKSPUYQNL0M='],
  [58, 'fd08::1', 130, 'fd08::2', 0, '1:nFKIdBnx0Zp2Fh8vLD5zR7LmU1U='],
  [58, 'fd08::2', 131, 'fd08::1', 0, '1:nFKIdBnx0Zp2Fh8vLD5zR7LmU1U='],
  [58, 'fd08::1', 131, 'fd08::2', 0, '1:SXOOM4QBaNcCY61pKKSPUYQNL0M='],
  [58, 'fd08::2', 132, 'fd08::1', 0, '1:WW4hZbc9KtjWUPLfpmC3K+FW/XY='],
  [58, 'fd08::1', 132, 'fd08::2', 0, '1:SlxA/wEFXPFndqkNKRIPUoX8t+s='],
  [58, 'fd08::2', 133, 'fd08::1', 0, '1:wmdl1WRA9+7UfUAre1OgwZATMjY='],
  [58, 'fd08::1', 133, 'fd08::2', 0, '1:szFpFnHgbceCcyNadH5Ccmldivo='],
  [58, 'fd08::2', 134, 'fd08::1', 0, '1:szFpFnHgbceCcyNadH5Ccmldivo='],
  [58, 'fd08::1', 134, 'fd08::2', 0, '1:wmdl1WRA9+7UfUAre1OgwZATMjY='],
  [58, 'fd08::2', 135, 'fd08::1', 0, '1:xJo01TEzgI47VYt2tNbmd2p2Mr0='],
  [58, 'fd08::1', 135, 'fd08::2', 0, '1:QHciLpafwLgQQwC0V9xxl6f7vAU='],
  [58, 'fd08::2', 136, 'fd08::1', 0, '1:QHciLpafwLgQQwC0V9xxl6f7vAU='],
  [58, 'fd08::1', 136, 'fd08::2', 0, '1:xJo01TEzgI47VYt2tNbmd2p2Mr0='],
  [58, 'fd08::2', 137, 'fd08::1', 0, '1:hmaZG+FCjubMJUulb98jDdoiie4='],
  [58, 'fd08::1', 137, 'fd08::2', 0, '1:CwerRkAeUZq+tqzaKpg1uBzW3HM='],
  [58, 'fd08::2', 139, 'fd08::1', 0, '1:rAU1QTCGmGgNZw01XtuxWoi0c28='],
  [58, 'fd08::1', 139, 'fd08::2', 0, '1:TB3w+pE4YGKLQjBLVvwOVmwGXM8='],
  [58, 'fd08::2', 140, 'fd08::1', 0, '1:TB3w+pE4YGKLQjBLVvwOVmwGXM8='],
  [58, 'fd08::1', 140, 'fd08::2', 0, '1:rAU1QTCGmGgNZw01XtuxWoi0c28='],
  [58, 'fd08::2', 141, 'fd08::1', 0, '1:mcji8amt6Wtsv8U4fvaJZHxWRcU='],
  [58, 'fd08::1', 141, 'fd08::2', 0, '1:Ww8tMaPpe3oRY1AUBOphGa/yEPg='],
  [58, 'fd08::2', 142, 'fd08::1', 0, '1:RmFjDRwhlFgUhrbY8o0W8T/lgeg='],
  [58, 'fd08::1', 142, 'fd08::2', 0, '1:LEUbN+I7waQ7VPChk3EkHzEHJBw='],
  [58, 'fd08::2', 144, 'fd08::1', 0, '1:1q4NV/mBwWLXsrvjfXR3Rf66Zu4='],
  [58, 'fd08::1', 144, 'fd08::2', 0, '1:dhDvaqq17cRDeilqNVNHjuqzFgc='],
  [58, 'fd08::2', 145, 'fd08::1', 0, '1:dhDvaqq17cRDeilqNVNHjuqzFgc='],
  [58, 'fd08::1', 145, 'fd08::2', 0, '1:1q4NV/mBwWLXsrvjfXR3Rf66Zu4='],
  [47, '192.168.0.89', 0, '192.168.0.1', 0, '1:5YJ6uTyKrB0n5ETMmLUBJamOs6Q='],
  [47, '192.168.0.1', 0, '192.168.0.89', 0, '1:5YJ6uTyKrB0n5ETMmLUBJamOs6Q='],
  [47, 'fd08::2', 0, 'fd08::1', 0, '1:mxZd8ENi3IMIg4zC7//lOWikK/Q='],
  [50, '192.168.0.89', 0, '192.168.0.1', 0, '1:T6+YmcTY4u33JpFNwAtdJl5CNBs='],
  [50, '192.168.0.1', 0, '192.168.0.89', 0, '1:T6+YmcTY4u33JpFNwAtdJl5CNBs='],
  [50, 'fd08::2', 0, 'fd08::1', 0, '1:n+SLHs4HkusGPeBq9VZq+/uMCh0='],
  [255, '192.168.0.89', 0, '192.168.0.1', 0, '1:I7N1fKNGqhAAyXCFVUn89DpV6a4='],
  [255, '192.168.0.1', 0, '192.168.0.89', 0, '1:I7N1fKNGqhAAyXCFVUn89DpV6a4='],
  [255, 'fd08::2', 0, 'fd08::1', 0, '1:GIEDGyLDM9dL92Ofz/bgcbBTdAM='],
  [0, '192.168.0.89', 0, '192.168.0.1', 0, '1:sarsExknYhV/df+46GA5V3y5Fe4='],
  [0, '192.168.0.1', 0, '192.168.0.89', 0, '1:sarsExknYhV/df+46GA5V3y5Fe4='],
  [0, 'fd08::2', 0, 'fd08::1', 0, '1:lgsxe/87DGXzBdfL9fsukI4DENE='],
]

const book = createAddressBook()

function known(text: string) {
  const address = book.of(canonicalAddress(text) ?? '')
  if (address === null) throw new Error(`no address: ${text}`)
  return address
}

function idOf(protocol: number, source: string, sport: number, destination: string, dport: number): string {
  return communityId(protocol, known(source), sport, known(destination), dport)
}

describe('community id', () => {
  test.each(VECTORS)('protocol %i, %s %i to %s %i is %s', (protocol, source, sport, destination, dport, id) => {
    expect(idOf(protocol, source, sport, destination, dport)).toBe(id)
  })

  test('both directions of a flow share one id, and another port or protocol has another', () => {
    const isPure = (text: string) => canonicalAddress(text)?.includes(':') === true
    const ends = fc.oneof(fc.tuple(fc.ipV4(), fc.ipV4()), fc.tuple(fc.ipV6().filter(isPure), fc.ipV6().filter(isPure)))
    const port = fc.nat(65_535)
    fc.assert(
      fc.property(fc.constantFrom(6, 17, 132), ends, port, port, (protocol, [source, destination], sport, dport) => {
        const id = idOf(protocol, source, sport, destination, dport)
        expect(id).toMatch(/^1:[A-Za-z0-9+/]{27}=$/)
        expect(idOf(protocol, destination, dport, source, sport)).toBe(id)
        // Between two ports of one machine the changed port may give the same pair.
        if (source !== destination) expect(idOf(protocol, source, sport ^ 1, destination, dport)).not.toBe(id)
        expect(idOf(protocol === 6 ? 17 : 6, source, sport, destination, dport)).not.toBe(id)
      }),
      { numRuns: 200 },
    )
  })

  test('a request and its reply share one id; an error without a counterpart keeps its direction', () => {
    expect(idOf(1, '192.0.2.1', 8, '192.0.2.9', 0)).toBe(idOf(1, '192.0.2.9', 0, '192.0.2.1', 0))
    expect(idOf(1, '192.0.2.1', 3, '192.0.2.9', 1)).not.toBe(idOf(1, '192.0.2.9', 3, '192.0.2.1', 1))
  })
})
