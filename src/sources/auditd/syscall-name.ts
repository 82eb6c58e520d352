/**
 * Names for the numbers of a SYSCALL record: `arch=c000003e syscall=42 … exit=-115` is connect on x86_64, EINPROGRESS.
 *
 * Authority: include/uapi/linux/audit.h (AUDIT_ARCH_*: the machine of elf-em.h and two flags), the tables beside this file, and
 * asm/unistd.h for the x32 bit. What has no table has no name: a number means nothing without its architecture.
 */
import { ERRORS } from './errno-names.ts'
import { SOCKETCALLS } from './socketcalls.ts'
import { SYSCALLS_AARCH64 } from './syscalls-aarch64.ts'
import { SYSCALLS_I386 } from './syscalls-i386.ts'
import { SYSCALLS_X86_64 } from './syscalls-x86-64.ts'

type Architecture = { readonly name: string; readonly calls: readonly string[] }

/** By AUDIT_ARCH_* as `%x` prints it. */
const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map([
  ['c000003e', { name: 'x86_64', calls: SYSCALLS_X86_64 }],
  ['40000003', { name: 'i386', calls: SYSCALLS_I386 }],
  ['c00000b7', { name: 'aarch64', calls: SYSCALLS_AARCH64 }],
  ['40000028', { name: 'arm', calls: [] }],
  ['c00000f3', { name: 'riscv64', calls: [] }],
  ['c0000015', { name: 'ppc64le', calls: [] }],
  ['80000015', { name: 'ppc64', calls: [] }],
  ['80000016', { name: 's390x', calls: [] }],
  ['c0000102', { name: 'loongarch64', calls: [] }],
])

/** __X32_SYSCALL_BIT: a call of the x32 ABI, which shares arch and nearly all numbers with x86_64. */
const X32_BIT = 0x40000000
/** Where x32 has numbers of its own (512 to 547): the same calls by the names the header gives those numbers. */
const X32_FIRST = 512
const X32_CALLS: readonly string[] = (
  'rt_sigaction rt_sigreturn ioctl readv writev recvfrom sendmsg recvmsg execve ptrace rt_sigpending rt_sigtimedwait ' +
  'rt_sigqueueinfo sigaltstack timer_create mq_notify kexec_load waitid set_robust_list get_robust_list vmsplice ' +
  'move_pages preadv pwritev rt_tgsigqueueinfo recvmmsg sendmmsg process_vm_readv process_vm_writev setsockopt ' +
  'getsockopt io_setup io_submit execveat preadv2 pwritev2'
).split(' ')

/** __NR_socketcall of i386: the call is its first argument (include/uapi/linux/net.h). */
const I386 = '40000003'
const I386_SOCKETCALL = 102

/** AUDIT_ARCH flag __AUDIT_ARCH_LE. */
const LITTLE_ENDIAN_BIT = 0x40000000

/** `c000003e` is `x86_64`; '' when unknown. */
export function archName(arch: string): string {
  return ARCHITECTURES.get(arch)?.name ?? ''
}

/** Whether numbers in the memory of this architecture start with their low byte; so, too, where it is unknown: nearly all do. */
export function isLittleEndian(arch: string): boolean {
  const bits = Number.parseInt(arch, 16)
  return Number.isNaN(bits) || (bits & LITTLE_ENDIAN_BIT) !== 0
}

/** The name of a call, '' when unknown. `a0`: the first argument in hex, which says what socketcall of i386 really is. */
export function syscallName(arch: string, number: number, a0 = ''): string {
  const calls = ARCHITECTURES.get(arch)?.calls
  if (calls === undefined || number < 0) return ''
  if (arch === I386 && number === I386_SOCKETCALL && a0 !== '') {
    return named(SOCKETCALLS, Number.parseInt(a0, 16)) || 'socketcall'
  }
  if (calls === SYSCALLS_X86_64 && (number & X32_BIT) !== 0) {
    const plain = number & ~X32_BIT
    return named(X32_CALLS, plain - X32_FIRST) || named(calls, plain)
  }
  return named(calls, number)
}

/** `-13` is `EACCES`: the error an exit code stands for, '' when it is none or unknown. */
export function errnoName(exit: string): string {
  return exit.startsWith('-') ? named(ERRORS, Number(exit.slice(1))) : ''
}

function named(names: readonly string[], number: number): string {
  const name = names[number]
  return name === undefined || name === '-' ? '' : name
}
