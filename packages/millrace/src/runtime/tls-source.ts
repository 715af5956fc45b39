// Owns the current TLS settings of a producer. Certificates and keys may change while it runs:
// files are read again when they changed (also behind a replaced symbolic link), and a function is
// called for each new connection. Callers: producer/security.ts creates it, dial-transport.ts reads
// it for each connection. Invariant: if new settings are invalid, the old ones stay in use, with
// one warning.

import { statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { ownFields } from './own-fields.ts'
import { loadTls, type TlsOptions, type TlsSettings, tlsPaths } from './tls-settings.ts'
import { messageOf } from './value-kinds.ts'

/** Returns the TLS options; it is called for each new connection. */
export type TlsProvider = () => true | TlsOptions | Promise<true | TlsOptions>

export interface TlsSourceOptions {
  readonly tls: true | TlsOptions | TlsProvider
  /** The problem with options that a function returned; null = none. */
  readonly problemOf: (options: unknown) => string | null
  readonly warn: (text: string, option: string) => void
}

/** The options cannot be used. The message is readable and contains no secret. */
export class TlsUnavailable extends Error {
  readonly code = 'TLS_UNAVAILABLE'
}

const trustsAnyText =
  'tls.dangerouslyTrustAnyCertificate is true: brokers are not authenticated, and connections ' +
  'are not protected against interception. Use it for development only'

/** Files that change while they are read are read again, up to this number of times. */
const readsMax = 3

type Stats = { readonly [field in 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs']: bigint }

const stampOf = ({ dev, ino, size, mtimeNs, ctimeNs }: Stats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(':')

const bigint = { bigint: true } as const

/** Identifies the versions of the files; a link counts as the file that it refers to. */
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

/** The same as an asynchronous call. */
const stampSoon = async (paths: readonly string[]): Promise<string> => {
  const stamps = paths.map((path) => stat(path, bigint).then(stampOf, () => 'none'))
  return (await Promise.all(stamps)).join(' ')
}

export class TlsSource {
  readonly #options: TlsSourceOptions
  readonly #paths: readonly string[]
  #settings: TlsSettings | null = null
  /** The versions of the files at the last read, even if they were invalid. */
  #stamp = ''
  #isBroken = false
  #hasWarnedOfTrust = false
  #wasAccepted = false
  #pending: Promise<TlsSettings> | null = null

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

  /**
   * A rejection may come from a rotation in progress: certificates can change, and were accepted
   * before.
   */
  get retriesRefusal(): boolean {
    return this.#wasAccepted && (typeof this.#options.tls === 'function' || this.#paths.length > 0)
  }

  /** A broker has responded over TLS. */
  accept(): void {
    this.#wasAccepted = true
  }

  /** The settings of a new connection. Rejects with TlsUnavailable only if there are none. */
  async get(): Promise<TlsSettings> {
    const { tls } = this.#options
    if (this.#settings !== null && typeof tls !== 'function' && this.#paths.length === 0) {
      return this.#settings
    }
    this.#pending ??= (typeof tls === 'function' ? this.#call(tls) : this.#readAgain()).finally(
      () => {
        this.#pending = null
      },
    )
    return this.#pending
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
      // A file that changed again during the read may have been incomplete.
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

  /** Uses the options that a function returned. Returns the problem, or an empty text. */
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
