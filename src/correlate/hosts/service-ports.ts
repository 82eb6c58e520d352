/** Where the programs of a host take their connections, learned from the connections that were joined. */
import type { Micros } from '../../time.ts'
import type { CarriedFlow } from './carried-flows.ts'
import { type Origin, programOf } from './origin.ts'

export type ServicePorts = {
  /** The origin's program took this flow. */
  learn(origin: Origin, flow: CarriedFlow): void
  /** Ports of the origin's program; undefined while none is known, or so many that they are no service. */
  of(origin: Origin): ReadonlySet<number> | undefined
  /** Whether the port may be that program's: the same client port may go to two services at once. */
  mayServe(origin: Origin, port: number): boolean
  /** Those flows that end on a port of the program; all of them where none does. */
  among(origin: Origin, flows: readonly CarriedFlow[]): readonly CarriedFlow[]
  /** When the first recorded accept of the program was, by the gateways' clock; Infinity while there is none. */
  acceptsSince(origin: Origin): Micros
  /** Live references. */
  save(): SavedServicePorts
}

/** Plain data: services by host and program. */
export type SavedServicePorts = Map<string, { readonly ports: Set<number>; acceptsSince: Micros }>

/** Ports learned for each program of a host; more is no service but a range. */
const PORTS_MAX = 16
/** Programs of all hosts together; what comes later has no known ports. */
const SERVICES_MAX = 16_384

export function createServicePorts(saved?: SavedServicePorts): ServicePorts {
  const services: SavedServicePorts = saved ?? new Map()

  function portsOf(origin: Origin): ReadonlySet<number> | undefined {
    const ports = services.get(nameOf(origin))?.ports
    return ports === undefined || ports.size >= PORTS_MAX ? undefined : ports
  }

  return {
    learn(origin, { serverPort, startAt }) {
      const name = nameOf(origin)
      let service = services.get(name)
      if (service === undefined) {
        if (services.size >= SERVICES_MAX) return
        service = { ports: new Set(), acceptsSince: Number.POSITIVE_INFINITY }
        services.set(name, service)
      }
      if (service.ports.size < PORTS_MAX) service.ports.add(serverPort)
      if (origin.isAccept) service.acceptsSince = Math.min(service.acceptsSince, startAt)
    },
    of: (origin) => portsOf(origin),
    mayServe: (origin, port) => portsOf(origin)?.has(port) ?? true,
    among(origin, flows) {
      const ports = portsOf(origin)
      const there = ports === undefined ? [] : flows.filter(({ serverPort }) => ports.has(serverPort))
      return there.length > 0 ? there : flows
    },
    acceptsSince: (origin) => services.get(nameOf(origin))?.acceptsSince ?? Number.POSITIVE_INFINITY,
    save: () => services,
  }
}

function nameOf({ host, process }: Origin): string {
  return `${host}\0${programOf(process)}`
}
