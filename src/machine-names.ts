/**
 * Names of machines and interfaces as configuration may spell them. Both end up in paths of capture directories and in keys of
 * the ledger, so what could leave a folder or look like something else is refused. Whether such a machine exists is not asked.
 */
import { matching } from './schema-problems.ts'

/** Linux IFNAMSIZ is 16 with the final NUL; dev_valid_name() refuses `/`, `:` and white space. */
const INTERFACE = /^(?!\.{1,2}$)[^\s/:\p{Cc}\p{Cf}]{1,15}$/u
/** Also the name of a folder in a capture. */
const MACHINE = /^(?!\.{1,2}$)[^\s/\\\p{Cc}\p{Cf}]{1,253}$/u

/** Whether the kernel would take it as the name of a network device. */
export function isInterfaceName(text: string): boolean {
  return INTERFACE.test(text)
}

/** Whether it can be a folder of a capture and a key of the ledger. */
export function isMachineName(text: string): boolean {
  return MACHINE.test(text)
}

export const machineName = matching('expected a machine name without blanks and slashes', isMachineName)
export const interfaceName = matching(
  'expected an interface name of at most 15 characters such as wg0',
  isInterfaceName,
)
