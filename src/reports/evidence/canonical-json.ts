/** JSON of which there is one form only: what is hashed and signed must not depend on the order in which members were set. */

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined }

/** Members sorted by code units, two blanks of indent, LF at the end. Members that are undefined are left out. */
export function canonicalJson(value: Json): string {
  return `${JSON.stringify(sorted(value), null, 2)}\n`
}

function sorted(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value
  if (isList(value)) return value.map(sorted)
  const names = Object.keys(value).sort()
  // Not assigned one by one: a member named __proto__ would be none.
  return Object.fromEntries(
    names.map((name) => [name, sorted(value[name] ?? null)] as const).filter(([name]) => value[name] !== undefined),
  )
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
