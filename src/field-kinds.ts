/** Entries of the list of fields: one value or many, of ECS or our own. */
import type { FieldType } from './fields.ts'

/** A field of ECS with one value. */
export const ecs = <T extends FieldType>(type: T, about: string) =>
  ({ type, many: false, origin: 'ecs', about }) as const
/** A field of ECS that is always a list. */
export const ecsMany = <T extends FieldType>(type: T, about: string) =>
  ({ type, many: true, origin: 'ecs', about }) as const
/** A field of a namespace of ours with one value. */
export const own = <T extends FieldType>(type: T, about: string) =>
  ({ type, many: false, origin: 'own', about }) as const
/** A field of a namespace of ours that is always a list. */
export const ownMany = <T extends FieldType>(type: T, about: string) =>
  ({ type, many: true, origin: 'own', about }) as const
