// Owns the error of a failed TLS handshake: the error of OpenSSL or Node, and whether the peer sent
// any byte. Callers: dial-transport.ts creates it; net/ converts it into readable text. Invariant:
// the error can be serialized as JSON and contains no private key.

/**
 * Node attaches the peer's whole certificate to its error. The certificate refers to itself, and a
 * logger that serializes it as JSON would throw.
 */
const withoutCertificate = (error: Error): Error => {
  if (!('cert' in error)) return error
  const { message, stack, code } = error as NodeJS.ErrnoException
  return Object.assign(new Error(message), { stack, code })
}

type TlsCircumstances = Pick<
  TlsFailure,
  'isSilent' | 'isIdentityRefused' | 'isTransient' | 'clientCertificate'
>

export class TlsFailure extends Error {
  override readonly name = 'TlsFailure'
  readonly code: string
  /** The peer closed without sending a byte, as a server without TLS does. */
  readonly isSilent: boolean
  /** The server's certificate is trusted, but not for this server. */
  readonly isIdentityRefused: boolean
  /** The names in the peer's certificate, if it is for another name. */
  readonly certificateNames: string | undefined

  /** The certificates can change, and were accepted before: a rotation may be in progress. */
  readonly isTransient: boolean

  /** The subject of the certificate that this client sent; null = it sent none. */
  readonly clientCertificate: string | null

  constructor(
    error: Error,
    {
      isSilent = false,
      isIdentityRefused = false,
      isTransient = false,
      clientCertificate = null,
    }: Partial<TlsCircumstances> = {},
  ) {
    super(error.message, { cause: withoutCertificate(error) })
    const { code, cert } = error as { code?: unknown; cert?: { subjectaltname?: unknown } }
    this.code = typeof code === 'string' ? code : 'UNKNOWN'
    this.isSilent = isSilent
    this.isIdentityRefused = isIdentityRefused
    this.isTransient = isTransient
    this.clientCertificate = clientCertificate
    const names = cert?.subjectaltname
    this.certificateNames = typeof names === 'string' ? names : undefined
  }

  /** An alert of the peer, or OpenSSL's error about it, after data was sent. */
  static isAlert(error: Error): boolean {
    const { code } = error as { code?: unknown }
    return typeof code === 'string' && (code.startsWith('ERR_SSL_') || code === 'EPROTO')
  }
}
