/**
 * Makes traffic inside one host, run there as a process of its own. Reads one order a line (traffic-orders.ts), answers each with
 * one line when it is done.
 */
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Order, OrderResult } from './traffic-orders.ts'

const held = new Map<number, Socket>()

createInterface({ input: process.stdin }).on('line', (line) => {
  // Written by traffic.ts, in this shape.
  const { id, order } = JSON.parse(line) as { id: number; order: Order }
  const from = Date.now() * 1000
  carryOut(order).then(
    (result) => answer(id, { result, from, to: Date.now() * 1000 }),
    (error: unknown) => answer(id, { result: `failed: ${String(error)}`, from, to: Date.now() * 1000 }),
  )
})

function answer(id: number, done: OrderResult): void {
  process.stdout.write(`${JSON.stringify({ id, ...done })}\n`)
}

function carryOut(order: Order): Promise<string> {
  switch (order.what) {
    case 'tcp':
      return tcp(order)
    case 'udp':
      return udp(order)
    case 'ping':
      return ping(order)
    case 'close':
      return close(order.sourcePort)
    case 'listen':
      return listen(order)
    default:
      return Promise.reject(order satisfies never)
  }
}

/** Sends a few bytes, takes them back, ends. */
function tcp({
  source,
  sourcePort,
  destination,
  port,
  isHeld,
  patienceMs,
}: Extract<Order, { what: 'tcp' }>): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: destination, port, localAddress: source, localPort: sourcePort })
    const timer = setTimeout(() => done('no-answer'), patienceMs)
    const done = (result: string) => {
      clearTimeout(timer)
      if (result === 'connected' && isHeld) held.set(sourcePort, socket)
      else if (result !== 'connected') socket.destroy()
      resolve(result)
    }
    socket.on('connect', () => socket.write('ping through the tunnel'))
    socket.on('data', () => {
      if (isHeld) done('connected')
      else socket.end()
    })
    socket.on('close', () => done('connected'))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      socket.removeAllListeners('close')
      done(error.code === 'ECONNREFUSED' ? 'refused' : `failed: ${error.code ?? error.message}`)
    })
  })
}

function udp({ source, sourcePort, destination, port, patienceMs }: Extract<Order, { what: 'udp' }>): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket(destination.includes(':') ? 'udp6' : 'udp4')
    const done = (result: string) => {
      clearTimeout(timer)
      socket.close()
      resolve(result)
    }
    const timer = setTimeout(() => done('no-answer'), patienceMs)
    socket.on('message', () => done('connected'))
    socket.on('error', (error) => done(`failed: ${error.message}`))
    socket.bind(sourcePort, source, () => socket.send('ping', port, destination))
  })
}

function ping({ source, destination, patienceMs }: Extract<Order, { what: 'ping' }>): Promise<string> {
  const seconds = String(Math.max(1, Math.round(patienceMs / 1000)))
  const child = spawn('ping', ['-n', '-q', '-c', '1', '-W', seconds, '-I', source, destination], { stdio: 'ignore' })
  return new Promise((resolve) => child.on('close', (status) => resolve(status === 0 ? 'connected' : 'no-answer')))
}

function close(sourcePort: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = held.get(sourcePort)
    held.delete(sourcePort)
    if (socket === undefined) return resolve('failed: not held')
    socket.on('close', () => resolve('closed'))
    socket.end()
  })
}

/** Echoes, on IPv4 and IPv6. */
async function listen({ tcp: ports, udp: datagrams }: Extract<Order, { what: 'listen' }>): Promise<string> {
  for (const port of ports) {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.pipe(socket)
    })
    await new Promise<void>((resolve) => void server.listen(port, '::', resolve))
  }
  for (const port of datagrams) {
    const socket = createSocket('udp4')
    socket.on('message', (message, from) => socket.send(message, from.port, from.address))
    await new Promise<void>((resolve) => void socket.bind(port, resolve))
  }
  return 'listening'
}
