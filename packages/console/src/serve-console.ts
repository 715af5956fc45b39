// `serveConsole`: one page on loopback that shows a producer at work. Owns the monitor that watches
// and the server that shows, and ends both.

import { KafkaError } from 'millrace'
import { loadAssets } from './assets.ts'
import { HttpServer } from './http-server.ts'
import { Monitor, type Source } from './monitor.ts'

/** Options of `serveConsole`. All may be left out. */
export interface ConsoleOptions {
  /** 0 to 65535; 0 = any free port, the default. */
  readonly port?: number | undefined
  /** How often the producer is looked at: 100 to 60000, 1000 by default. */
  readonly intervalMs?: number | undefined
}

/** A console that is served. */
export interface Console {
  /** Where the page is: `http://127.0.0.1:PORT/`. */
  readonly url: string
  /** Ends the server with all of its connections; the producer stays as it is. */
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
 * Shows a producer on a page of its own, until it is closed. It reads `metrics()` and hears the
 * events of the producer, and keeps no process alive.
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
