// A TLS handshake that failed: what OpenSSL or Node said, and whether the peer said anything at
// all. The words for people are made in net/.

/**
 * Node puts the peer's whole certificate on its error, which refers to itself: an error that can't
 * be made JSON of breaks whatever logs it.
 */
const withoutCertificate = (error: Error): Error => {
  if (!('cert' in error)) return error
  const { message, stack, code } = error as NodeJS.ErrnoException
  return Object.assign(new Error(message), { stack, code })
}

type TlsCircumstances = Pick<
  TlsFailure,
  'isSilent' | 'isIdentityRefused' | 'isPassing' | 'clientCertificate'
>

export class TlsFailure extends Error {
  override readonly name = 'TlsFailure'
  readonly code: string
  /** The peer closed without a byte: as one does that does not speak TLS. */
  readonly isSilent: boolean
  /** The server's certificate is trusted, but not for this server. */
  readonly isIdentityRefused: boolean
  /** The names that the peer's certificate is for, where it is for the wrong ones. */
  readonly certificateNames: string | undefined

  /** The certificates can change, and were accepted before: it may be a rotation. */
  readonly isPassing: boolean

  /** For people: what this client showed as its own certificate; null = nothing. */
  readonly clientCertificate: string | null

  constructor(
    error: Error,
    {
      isSilent = false,
      isIdentityRefused = false,
      isPassing = false,
      clientCertificate = null,
    }: Partial<TlsCircumstances> = {},
  ) {
    super(error.message, { cause: withoutCertificate(error) })
    const { code, cert } = error as { code?: unknown; cert?: { subjectaltname?: unknown } }
    this.code = typeof code === 'string' ? code : 'UNKNOWN'
    this.isSilent = isSilent
    this.isIdentityRefused = isIdentityRefused
    this.isPassing = isPassing
    this.clientCertificate = clientCertificate
    const names = cert?.subjectaltname
    this.certificateNames = typeof names === 'string' ? names : undefined
  }

  /** What the peer says, or OpenSSL of the peer, once data flows. */
  static isAlert(error: Error): boolean {
    const { code } = error as { code?: unknown }
    return typeof code === 'string' && (code.startsWith('ERR_SSL_') || code === 'EPROTO')
  }
}
