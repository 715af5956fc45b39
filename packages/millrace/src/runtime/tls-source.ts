// The TLS settings of each new connection. Certificates and keys change while a producer lives:
// files named by path are read again when they changed (also behind a symbolic link that was
// swapped), and options that are a function are asked for each time. It owns the settings in use:
// they stay where the new ones are broken, with one warning. Callers: producer/security.ts makes
// one, dial-transport.ts asks it for each connection.

import { statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { ownFields } from './own-fields.ts'
import { loadTls, type TlsOptions, type TlsSettings, tlsPaths } from './tls-settings.ts'
import { messageOf } from './value-kinds.ts'

/** Gives the options of TLS; it is called for each new connection. */
export type TlsProvider = () => true | TlsOptions | Promise<true | TlsOptions>

export interface TlsSourceOptions {
  readonly tls: true | TlsOptions | TlsProvider
  /** What is wrong with options that a function gave; null = nothing. */
  readonly problemOf: (options: unknown) => string | null
  readonly warn: (text: string, option: string) => void
}

/** Options that can't be used. The message is for people, and holds no secret. */
export class TlsUnavailable extends Error {
  readonly code = 'TLS_UNAVAILABLE'
}

const trustsAnyText =
  'tls.dangerouslyTrustAnyCertificate is true: brokers are not authenticated, and connections ' +
  'are not protected against interception. Use it for development only'

/** Files that change while they are read are read again this often. */
const readsMax = 3

type Stats = { readonly [field in 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs']: bigint }

const stampOf = ({ dev, ino, size, mtimeNs, ctimeNs }: Stats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(':')

const bigint = { bigint: true } as const

/** Which files there are behind the paths; a link counts as the file that it leads to. */
const stampNow = (paths: readonly string[]): string =>
  paths
    .map((path) => {
      try {
        return stampOf(statSync(path, bigint))
      } catch {
        return 'none'
      }
    })
    .join(' ')

/** The same without blocking. */
const stampSoon = async (paths: readonly string[]): Promise<string> => {
  const stamps = paths.map((path) => stat(path, bigint).then(stampOf, () => 'none'))
  return (await Promise.all(stamps)).join(' ')
}

export class TlsSource {
  readonly #options: TlsSourceOptions
  readonly #paths: readonly string[]
  #settings: TlsSettings | null = null
  /** What the files were when they were read last, broken ones included. */
  #stamp = ''
  #isBroken = false
  #hasWarnedOfTrust = false
  #wasAccepted = false
  #asking: Promise<TlsSettings> | null = null

  private constructor(options: TlsSourceOptions) {
    this.#options = options
    const { tls } = options
    this.#paths = typeof tls === 'object' ? tlsPaths(tls) : []
  }

  /** Reads the files. `problems` lists what is wrong; a function is not called yet. */
  static load(options: TlsSourceOptions): { source: TlsSource; problems: readonly string[] } {
    const source = new TlsSource(options)
    return { source, problems: source.#loadFirst() }
  }

  /** A refusal may be the middle of a rotation: certificates can change, and were accepted. */
  get retriesRefusal(): boolean {
    return this.#wasAccepted && (typeof this.#options.tls === 'function' || this.#paths.length > 0)
  }

  /** A broker has responded over TLS. */
  accept(): void {
    this.#wasAccepted = true
  }

  /** The settings of a new connection. Rejects with TlsUnavailable only while there are none. */
  async get(): Promise<TlsSettings> {
    const { tls } = this.#options
    if (this.#settings !== null && typeof tls !== 'function' && this.#paths.length === 0) {
      return this.#settings
    }
    this.#asking ??= (typeof tls === 'function' ? this.#call(tls) : this.#readAgain()).finally(
      () => {
        this.#asking = null
      },
    )
    return this.#asking
  }

  #loadFirst(): readonly string[] {
    const { tls } = this.#options
    if (typeof tls === 'function') return []
    this.#stamp = stampNow(this.#paths)
    const { settings, problems } = loadTls(tls === true ? {} : tls)
    if (settings !== null) this.#use(settings)
    return problems
  }

  async #readAgain(): Promise<TlsSettings> {
    const { tls } = this.#options
    let stamp = await stampSoon(this.#paths)
    for (let reads = 1; stamp !== this.#stamp; reads++) {
      const { settings, problems } = loadTls(tls as TlsOptions)
      this.#stamp = stamp
      stamp = await stampSoon(this.#paths)
      if (settings !== null) this.#use(settings)
      // What changed again meanwhile may have been half of it.
      else if (stamp === this.#stamp || reads >= readsMax) this.#onBroken(problems.join('; '))
      if (reads >= readsMax) break
    }
    return this.#settings!
  }

  async #call(provider: TlsProvider): Promise<TlsSettings> {
    let problem: string
    try {
      const given: unknown = ownFields(await provider())
      problem = this.#take(given)
    } catch (thrown) {
      problem = `tls failed: ${messageOf(thrown)}`
    }
    if (problem !== '') this.#onBroken(problem)
    if (this.#settings === null) throw new TlsUnavailable(problem)
    return this.#settings
  }

  /** Uses what a function gave; what is wrong with it, or an empty text. */
  #take(given: unknown): string {
    const problem = given === false ? 'gave false' : this.#options.problemOf(given)
    if (problem !== null) return `tls ${problem}`
    const { settings, problems } = loadTls(given === true ? {} : (given as TlsOptions))
    if (settings !== null) this.#use(settings)
    return problems.join('; ')
  }

  #use(settings: TlsSettings): void {
    this.#settings = settings
    this.#isBroken = false
    if (!settings.trustsAnyCertificate || this.#hasWarnedOfTrust) return
    this.#hasWarnedOfTrust = true
    this.#options.warn(trustsAnyText, 'tls.dangerouslyTrustAnyCertificate')
  }

  #onBroken(problem: string): void {
    if (this.#isBroken || this.#settings === null) return
    this.#isBroken = true
    this.#options.warn(`${problem}. New connections use the earlier certificates`, 'tls')
  }
}
