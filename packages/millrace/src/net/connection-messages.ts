// Owns the readable text for a failed connection: the meaning of the operating system's error
// codes, and which other protocol the peer may speak. Callers: connection.ts, connection-errors.ts,
// cluster-client/failure-reason.ts, diagnose/. Invariant: the functions only read their arguments.

const textByCode: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'the address is not available',
  EAI_AGAIN: 'the name server does not respond',
  ECONNABORTED: 'the connection was aborted',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was reset by the peer',
  EHOSTUNREACH: 'the host is unreachable',
  EMFILE: 'this process has too many open files',
  ENETUNREACH: 'the network is unreachable',
  ENOTFOUND: 'the host name is not known',
  EPIPE: 'the peer closed the connection',
  ERR_SOCKET_BAD_PORT: 'the port is out of range',
  ETIMEDOUT: 'the network timed out',
}

const codeOf = (error: unknown): string | undefined => {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** `connection refused (ECONNREFUSED)`, or the error's own message if its code is not known. */
export const describeNetworkError = (error: Error): string => {
  const code = codeOf(error)
  const text = code === undefined ? undefined : textByCode[code]
  return text === undefined ? error.message || String(code) : `${text} (${code})`
}

const tlsAlert = 0x15
const tlsHandshake = 0x16
const tlsMajorVersion = 0x03

/** True if the first four bytes of a response are the beginning of a TLS record. */
export const isTlsPeer = (sizeField: number): boolean => {
  const type = sizeField >>> 24
  return (
    (type === tlsAlert || type === tlsHandshake) && ((sizeField >>> 16) & 0xff) === tlsMajorVersion
  )
}

/**
 * The protocol that sends these bytes in place of the size of a response; null = not recognized.
 * `sizeField` is the first four bytes of a response, big-endian.
 */
export const describeForeignPeer = (sizeField: number): string | null => {
  const bytes = [24, 16, 8, 0].map((shift) => (sizeField >>> shift) & 0xff)
  const isText = bytes.every((byte) => byte >= 0x20 && byte < 0x7f)
  if (!isText) return null
  const text = String.fromCharCode(...bytes)
  if (text === 'HTTP') return 'these are the bytes "HTTP": a web server responds there, not Kafka'
  return `these are the bytes "${text}": something that is not Kafka responds there`
}
