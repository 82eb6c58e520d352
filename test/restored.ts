/** What a saved state is after it was written and read again: for the tests of `save`. */
import { deserialize, serialize } from 'node:v8'

export function restored<T>(saved: T): T {
  // deserialize gives back what serialize was given, as plain data; `save` promises to give nothing else.
  return deserialize(serialize(saved)) as T
}
