/** stub */
export function printReport(..._: unknown[]) {}
