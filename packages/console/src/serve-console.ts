// The public call `serveConsole`: serves a page on loopback that shows a producer. It owns the
// Monitor and the HttpServer and closes both; the producer belongs to the caller and must not be
// changed or closed. Callers: applications and the CLI.

import { KafkaError } from 'millrace'
import { loadAssets } from './assets.ts'
import { HttpServer } from './http-server.ts'
import { Monitor, type Source } from './monitor.ts'

/** Options of `serveConsole`. All are optional. */
export interface ConsoleOptions {
  /** 0 to 65535; 0 = any free port, the default. */
  readonly port?: number | undefined
  /** The interval between two snapshots of the producer: 100 to 60000, 1000 by default. */
  readonly intervalMs?: number | undefined
}

/** A console that is being served. */
export interface Console {
  /** The URL of the page: `http://127.0.0.1:PORT/`. */
  readonly url: string
  /** Closes the server and all of its connections; the producer is not changed. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const portMax = 65_535
const intervalMsDefault = 1000
const intervalMsMin = 100
const intervalMsMax = 60_000

const wholeOption = (name: string, value: number, min: number, max: number): number => {
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new KafkaError(
    'INVALID_OPTION',
    `serveConsole: ${name} must be a whole number from ${min} to ${max}, got ${String(value)}`,
  )
}

/**
 * Serves a page that shows a producer until it is closed. It reads `metrics()` and subscribes to
 * the producer's events. It does not keep the process alive.
 *
 * @example
 * await using console = await serveConsole(producer, { port: 8090 })
 * process.stdout.write(`See ${console.url}\n`)
 */
export const serveConsole = async (
  producer: Source,
  { port = 0, intervalMs = intervalMsDefault }: ConsoleOptions = {},
): Promise<Console> => {
  wholeOption('port', port, 0, portMax)
  wholeOption('intervalMs', intervalMs, intervalMsMin, intervalMsMax)
  const assets = await loadAssets()
  const monitor = new Monitor(producer, intervalMs)
  const server = new HttpServer(assets, (after, filter) => monitor.view(after, filter))
  let url: string
  try {
    url = await server.listen(port)
  } catch (error) {
    monitor.stop()
    throw error
  }
  const close = async (): Promise<void> => {
    monitor.stop()
    await server.close()
  }
  return { url, close, [Symbol.asyncDispose]: close }
}
