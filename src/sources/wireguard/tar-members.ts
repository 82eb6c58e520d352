/**
 * Files inside a tar archive, for the search of keys: names and bytes of regular members.
 *
 *   0 name[100] … 124 size[12] octal … 156 type … 257 "ustar" … 345 prefix[155], blocks of 512 bytes
 *
 * Authority: POSIX.1-2001 ustar and pax; GNU tar for long names (type L) and sizes in base 256. Names of pax headers are not read:
 * the member then has its short name. Sparse members are read as they lie.
 */

export type TarMember = { readonly name: string; readonly bytes: Buffer }

const BLOCK = 512
/** Members of one archive looked at. */
export const MEMBERS_MAX = 20_000
/** Sum of the header's bytes with the checksum field as blanks stands in octal at this offset. */
const CHECKSUM_AT = 148

/** Whether it begins like a tar archive: the checksum of its first header holds. */
export function isTar(bytes: Buffer): boolean {
  return bytes.length >= BLOCK && hasChecksum(bytes.subarray(0, BLOCK))
}

/** Ends at the first block that is no header. `isWhole` false: it is cut off or damaged, or has more than MEMBERS_MAX. */
export function tarMembers(archive: Buffer): { readonly members: TarMember[]; readonly isWhole: boolean } {
  const members: TarMember[] = []
  let longName = ''
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = archive.subarray(at, at + BLOCK)
    if (header.every((byte) => byte === 0)) return { members, isWhole: true }
    const size = sizeOf(header)
    if (!hasChecksum(header) || size < 0 || members.length >= MEMBERS_MAX) return { members, isWhole: false }
    const bytes = archive.subarray(at + BLOCK, at + BLOCK + size)
    if (bytes.length < size) return { members, isWhole: false }
    const type = String.fromCharCode(header[156] ?? 0)
    if (type === 'L') longName = textOf(bytes)
    else {
      if (type === '0' || type === '\0' || type === '7' || type === 'S')
        members.push({ name: longName || nameOf(header), bytes })
      if (type !== 'x' && type !== 'g') longName = ''
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
  return { members, isWhole: archive.length % BLOCK === 0 }
}

function nameOf(header: Buffer): string {
  const name = textOf(header.subarray(0, 100))
  const prefix = header.toString('latin1', 257, 262) === 'ustar' ? textOf(header.subarray(345, 500)) : ''
  // GNU tar has times where ustar has the prefix; its magic ends in blanks.
  return prefix === '' || header[262] === 0x20 ? name : `${prefix}/${name}`
}

/** UTF-8 up to the first NUL. */
function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}

/** -1 when it is no size. */
function sizeOf(header: Buffer): number {
  const field = header.subarray(124, 136)
  if (((field[0] ?? 0) & 0x80) !== 0) {
    const size = field.readBigUInt64BE(4)
    return size <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(size) : -1
  }
  const text = textOf(field).trim()
  return /^[0-7]{1,12}$/.test(text) ? Number.parseInt(text, 8) : -1
}

function hasChecksum(header: Buffer): boolean {
  let sum = 0
  for (const [i, byte] of header.entries()) sum += i >= CHECKSUM_AT && i < CHECKSUM_AT + 8 ? 0x20 : byte
  const told = textOf(header.subarray(CHECKSUM_AT, CHECKSUM_AT + 8)).trim()
  return /^[0-7]{1,7}$/.test(told) && Number.parseInt(told, 8) === sum
}
