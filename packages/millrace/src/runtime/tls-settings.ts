// Owns the check of TLS options and the settings that are created from them: trusted authorities,
// the client's certificate and key, versions. Caller: tls-source.ts, which has checked the types.
// Invariant: a message names the field, and never contains a key, a passphrase or text that may be
// one.

import type { KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type {
  ConnectionOptions,
  PeerCertificate,
  SecureContext,
  SecureContextOptions,
} from 'node:tls'
import { nodeCrypto, nodeTls } from './lazy-builtins.ts'
import { shownPath } from './shown-path.ts'
import { isError } from './value-kinds.ts'

/** The TLS versions that Kafka brokers support. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

/** The TLS options of the user. A string is PEM text, or the path of a file. */
export interface TlsOptions {
  /** The trusted authorities, in place of the public authorities that Node knows. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined
  /** PEM: the client's certificate, followed by its intermediate certificates. */
  readonly cert?: string | Uint8Array | undefined
  /** The private key of `cert`. */
  readonly key?: string | Uint8Array | undefined
  /** The passphrase of `key` or `pfx`. */
  readonly passphrase?: string | undefined
  /** A PKCS#12 store with certificate and key, and possibly authorities: its path, or its bytes. */
  readonly pfx?: string | Uint8Array | undefined
  /** The name that brokers' certificates must contain, in place of the host of the connection. */
  readonly serverName?: string | undefined
  /** The oldest accepted version; `'TLSv1.2'` by default. */
  readonly minVersion?: TlsVersion | undefined
  /** The newest accepted version; `'TLSv1.3'` by default. */
  readonly maxVersion?: TlsVersion | undefined
  /** Accepts the certificate of any host that a trusted authority signed. */
  readonly dangerouslySkipHostnameCheck?: boolean | undefined
  /**
   * Replaces the host name check, as in Node: it is called with the broker's host name and
   * certificate, and returns an error to reject the broker. For pinned certificates.
   */
  readonly checkServerIdentity?: ServerIdentityCheck | undefined
  /**
   * Accepts every certificate of every server, for development only: a program that intercepts the
   * connection can read and change what is sent. `checkServerIdentity`, if given, is still called.
   */
  readonly dangerouslyTrustAnyCertificate?: boolean | undefined
  /**
   * More options of Node's `tls.connect`, passed on unchanged: `ciphers`, `sigalgs`, `ecdhCurve`,
   * `crl`. The fields above take precedence.
   */
  readonly connectionOptions?: TlsConnectionOptions | undefined
}

/** Returns an error to reject the server; its signature is that of Node's `checkServerIdentity`. */
export type ServerIdentityCheck = (
  hostName: string,
  certificate: PeerCertificate,
) => Error | undefined

/** Options of Node that millrace sets itself. */
export const reservedConnectionOptions = [
  'rejectUnauthorized',
  'checkServerIdentity',
  'host',
  'port',
  'path',
  'socket',
  'servername',
  'session',
  'onread',
] as const

/** Node's options of `tls.connect`, without those that millrace sets itself. */
export type TlsConnectionOptions = Readonly<
  Omit<ConnectionOptions, (typeof reservedConnectionOptions)[number]>
>

export interface TlsSettings {
  readonly context: SecureContext
  readonly serverName: string | null
  /** Null = the certificate of any host is accepted. */
  readonly checkServerIdentity: ServerIdentityCheck | null
  readonly trustsAnyCertificate: boolean
  readonly connectionOptions: TlsConnectionOptions
  /** Subject and end date of the certificate that brokers get, as text; null = none. */
  readonly clientCertificate: string | null
}

type Source = string | Uint8Array
type MaterialField = 'ca' | 'cert' | 'key' | 'pfx'

/** One problem, as the end of a sentence that begins with the field. */
class TlsProblem extends Error {}

const pemBegins = '-----BEGIN '
const isPemText = (source: Source): source is string =>
  typeof source === 'string' && source.includes(pemBegins)

const fileReasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read',
  EISDIR: 'it is a folder',
  ENAMETOOLONG: 'it is neither PEM text nor the path of a file',
}

const readSource = (source: Source): Buffer => {
  if (typeof source !== 'string') return Buffer.from(source)
  if (isPemText(source)) return Buffer.from(source)
  try {
    return readFileSync(source)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    const reason = Object.hasOwn(fileReasons, code)
      ? fileReasons[code]
      : `it can't be read: ${code}`
    throw new TlsProblem(`names the file ${shownPath(source, code)}: ${reason}`)
  }
}

/** The files that the options name. */
export const tlsPaths = ({ ca, cert, key, pfx }: TlsOptions): readonly string[] =>
  [ca, cert, key, pfx]
    .flat()
    .filter((source) => typeof source === 'string')
    .filter((source) => !isPemText(source))

const jksMagic = 0xfeedfeed
const jceksMagic = 0xcececece
/** The beginning of a long DER SEQUENCE, with which a PKCS#12 store and a DER certificate begin. */
const derSequence = 0x30

const conversion = (source: Source): string => {
  const path = typeof source === 'string' ? source : 'keystore.jks'
  const target = `${path.replace(/\.(jks|jceks|keystore|truststore)$/i, '')}.p12`
  const stores = `-srckeystore ${path} -destkeystore ${target}`
  return `keytool -importkeystore ${stores} -deststoretype PKCS12`
}

const rejectJavaStore = (bytes: Buffer, source: Source): void => {
  const magic = bytes.length >= 4 ? bytes.readUInt32BE(0) : 0
  if (magic !== jksMagic && magic !== jceksMagic) return
  const kind = magic === jksMagic ? 'JKS' : 'JCEKS'
  throw new TlsProblem(
    `is a Java store of the type ${kind}, which only Java reads: convert it with ` +
      `\`${conversion(source)}\` and pass the result as tls.pfx`,
  )
}

const readPem = (source: Source, field: MaterialField): string => {
  const bytes = readSource(source)
  rejectJavaStore(bytes, source)
  const text = bytes.toString('latin1')
  if (!text.includes(pemBegins)) {
    const isBinary = bytes[0] === derSequence
    const hint = isBinary ? ' (it is binary: a PKCS#12 store is passed as tls.pfx)' : ''
    throw new TlsProblem(`must be PEM, with a line '${pemBegins}…'${hint}`)
  }
  const hasKey = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text)
  const hasCertificate = /-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----/.test(text)
  if (field === 'key' && !hasKey) {
    throw new TlsProblem(
      `must contain a private key, got ${hasCertificate ? 'a certificate' : 'other PEM'}`,
    )
  }
  if (field !== 'key' && !hasCertificate) {
    throw new TlsProblem(
      `must contain a certificate, got ${hasKey ? 'a private key' : 'other PEM'}`,
    )
  }
  return text
}

const readCertificate = (text: string): X509Certificate => {
  try {
    return new (nodeCrypto().X509Certificate)(text)
  } catch {
    throw new TlsProblem('holds a certificate that is damaged')
  }
}

const readKey = (text: string, passphrase: string | undefined): KeyObject => {
  try {
    return nodeCrypto().createPrivateKey({
      key: text,
      ...(passphrase === undefined ? {} : { passphrase }),
    })
  } catch (error) {
    const isEncrypted = /ENCRYPTED/.test(text)
    if (isEncrypted && passphrase === undefined) {
      throw new TlsProblem('is encrypted: pass tls.passphrase')
    }
    if (isEncrypted) throw new TlsProblem('cannot be decrypted with tls.passphrase')
    throw new TlsProblem(`holds a private key that can't be read (${codeOf(error)})`)
  }
}

const codeOf = (error: unknown): string => String((error as { code?: unknown }).code ?? 'unknown')

/** OpenSSL's error about a store, as readable text. */
const storeReason = (error: unknown, hasPassphrase: boolean): string => {
  const message = isError(error) ? error.message : ''
  if (/mac verify|invalid password|bad decrypt|maybe wrong password/i.test(message)) {
    return hasPassphrase ? 'cannot be decrypted with tls.passphrase' : 'needs tls.passphrase'
  }
  if (/unsupported/i.test(message)) {
    return (
      'is encrypted with an algorithm that OpenSSL 3 disables (RC2 or RC4): ' +
      'export it again with `openssl pkcs12 -legacy` or a newer keytool'
    )
  }
  return 'is not a PKCS#12 store'
}

const readStore = (source: Source, passphrase: string | undefined): Buffer => {
  if (isPemText(source)) throw new TlsProblem('is PEM: pass it as tls.cert and tls.key')
  const bytes = readSource(source)
  rejectJavaStore(bytes, source)
  if (bytes.includes(pemBegins)) throw new TlsProblem('is PEM: pass it as tls.cert and tls.key')
  try {
    nodeTls().createSecureContext({
      pfx: bytes,
      ...(passphrase === undefined ? {} : { passphrase }),
    })
  } catch (error) {
    throw new TlsProblem(storeReason(error, passphrase !== undefined))
  }
  return bytes
}

/**
 * Every option that Node reads for a TLS connection, as an own field: a missing one is undefined,
 * even if Object.prototype has a field of that name.
 */
export const tlsDefaults: Readonly<Record<string, undefined>> = Object.fromEntries(
  (
    'ALPNProtocols SNICallback allowHalfOpen allowPartialTrustChain ca cert ciphers ' +
    'clientCertEngine credentials crl dhparam ecdhCurve enableTrace family highWaterMark hints ' +
    'honorCipherOrder host isServer key localAddress lookup maxVersion minVersion ' +
    'passphrase path pfx pipe port privateKeyEngine privateKeyIdentifier pskCallback ' +
    'requestCert requestOCSP secureContext secureOptions secureProtocol server session ' +
    'sessionIdContext sessionTimeout sigalgs ticketKeys timeout'
  )
    .split(' ')
    .map((name) => [name, undefined]),
)

/** Collects the problems field by field. */
class ProblemCollector {
  readonly problems: string[] = []

  take<Value>(field: string, read: () => Value): Value | undefined {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof TlsProblem)) throw error
      this.problems.push(`tls.${field} ${error.message}`)
      return undefined
    }
  }
}

const sourcesOf = (ca: NonNullable<TlsOptions['ca']>): readonly Source[] =>
  typeof ca === 'string' || ca instanceof Uint8Array ? [ca] : ca

const readAuthorities = (
  options: TlsOptions,
  collector: ProblemCollector,
): string[] | undefined => {
  if (options.ca === undefined) return undefined
  const sources = sourcesOf(options.ca)
  return sources.flatMap((source, index) => {
    const field = sources.length === 1 ? 'ca' : `ca[${index}]`
    const text = collector.take(field, () => {
      const pem = readPem(source, 'ca')
      readCertificate(pem)
      return pem
    })
    return text === undefined ? [] : [text]
  })
}

interface ClientIdentity extends SecureContextOptions {
  readonly certificate: X509Certificate
}

const readIdentity = (options: TlsOptions, collector: ProblemCollector): ClientIdentity | null => {
  const { cert, key, passphrase } = options
  if (cert === undefined && key === undefined) return null
  const certText = cert && collector.take('cert', () => readPem(cert, 'cert'))
  const certificate = certText && collector.take('cert', () => readCertificate(certText))
  const keyText = key && collector.take('key', () => readPem(key, 'key'))
  const privateKey = keyText && collector.take('key', () => readKey(keyText, passphrase))
  if (!certificate || !privateKey || !certText || !keyText) return null
  if (!certificate.checkPrivateKey(privateKey)) {
    collector.problems.push('tls.key is not the private key of tls.cert')
  }
  return { cert: certText, key: keyText, certificate }
}

const subjectLengthMax = 200

/** `CN=orders, O=Example, valid to …`; the certificate of a store is not read. */
const describeCertificate = ({ subject, validTo }: X509Certificate): string => {
  const name = subject?.trim().split('\n').reverse().join(', ').slice(0, subjectLengthMax)
  return `${name || 'without a name'}, valid to ${validTo}`
}

const jointProblems = (options: TlsOptions): string[] => {
  const { cert, key, pfx, passphrase, minVersion, maxVersion } = options
  const problems: string[] = []
  if (cert !== undefined && key === undefined) problems.push('tls.cert is without tls.key')
  if (key !== undefined && cert === undefined) problems.push('tls.key is without tls.cert')
  if (pfx !== undefined && (cert ?? key) !== undefined) {
    problems.push('tls.pfx stands beside tls.cert or tls.key: pass one or the other')
  }
  if (passphrase !== undefined && (key ?? pfx) === undefined) {
    problems.push('tls.passphrase is without tls.key and tls.pfx: there is nothing to open')
  }
  if (options.dangerouslySkipHostnameCheck === true && options.checkServerIdentity !== undefined) {
    problems.push(
      'tls.checkServerIdentity stands beside tls.dangerouslySkipHostnameCheck: ' +
        'pass one or the other',
    )
  }
  if (minVersion === 'TLSv1.3' && maxVersion === 'TLSv1.2') {
    problems.push('tls.minVersion is above tls.maxVersion')
  }
  return problems
}

const identityCheck = (options: TlsOptions): ServerIdentityCheck | null => {
  if (options.checkServerIdentity !== undefined) return options.checkServerIdentity
  const isSkipped = options.dangerouslySkipHostnameCheck || options.dangerouslyTrustAnyCertificate
  return isSkipped === true ? null : nodeTls().checkServerIdentity
}

/** Node rejects version limits together with `secureProtocol`. */
const versionBounds = (options: TlsOptions): SecureContextOptions => {
  const { minVersion, maxVersion, connectionOptions = {} } = options
  if (connectionOptions.secureProtocol !== undefined) return {}
  return {
    minVersion: minVersion ?? connectionOptions.minVersion ?? 'TLSv1.2',
    maxVersion: maxVersion ?? connectionOptions.maxVersion ?? 'TLSv1.3',
  }
}

/** Reads all options. `problems` is empty if `settings` exist. */
export const loadTls = (
  options: TlsOptions,
): { readonly settings: TlsSettings | null; readonly problems: readonly string[] } => {
  const collector = new ProblemCollector()
  const { passphrase, pfx, connectionOptions = {} } = options
  const authorities = readAuthorities(options, collector)
  const identity = readIdentity(options, collector)
  const store = pfx && collector.take('pfx', () => readStore(pfx, passphrase))
  const problems = [...jointProblems(options), ...collector.problems]
  if (problems.length > 0) return { settings: null, problems }
  try {
    const context = nodeTls().createSecureContext({
      ...tlsDefaults,
      ...connectionOptions,
      ...(identity === null ? {} : { cert: identity.cert, key: identity.key }),
      ...(authorities === undefined ? {} : { ca: authorities }),
      ...(store ? { pfx: store } : {}),
      ...(passphrase === undefined ? {} : { passphrase }),
      ...versionBounds(options),
    })
    const own = (name: 'cert' | 'pfx') => options[name] ?? connectionOptions[name]
    const hasOther = own('cert') !== undefined || own('pfx') !== undefined
    const unnamed = hasOther ? 'of a PKCS#12 store or of connectionOptions' : null
    const clientCertificate =
      identity === null ? unnamed : describeCertificate(identity.certificate)
    const settings: TlsSettings = {
      context: connectionOptions.secureContext ?? context,
      serverName: options.serverName ?? null,
      checkServerIdentity: identityCheck(options),
      trustsAnyCertificate: options.dangerouslyTrustAnyCertificate === true,
      connectionOptions,
      clientCertificate,
    }
    return { settings, problems }
  } catch (error) {
    return { settings: null, problems: [`tls was refused by Node (${codeOf(error)})`] }
  }
}
