// Owns whether a message may show the path of a file with a key or a token. The caller may have
// passed the key itself in place of the path, so only what can only be a path is shown. Callers:
// tls-settings.ts, net/token-file.ts.

const pathLengthMax = 255
/** Neither base64 nor a JWT ends in one of these. */
const extension =
  /\.(?:pem|key|crt|cer|cert|der|p8|p12|pfx|jks|jceks|keystore|truststore|jwt|txt)$/i
/** `/var/run/…`, `C:\…`, `./…`: base64 of a key does not begin like these. */
const folder = /^(?:\/[a-z]+\/|[A-Za-z]:[\\/]|\.{1,2}[\\/])/
/** The system found something there. */
const codesOfFound: ReadonlySet<string> = new Set(['EACCES', 'EISDIR', 'EPERM', 'ELOOP', 'EIO'])

/** The path in quotes, or its length if it may be a secret. `code`: why it could not be read. */
export const shownPath = (path: string, code: string): string => {
  const isPath = codesOfFound.has(code) || extension.test(path) || folder.test(path)
  const isShown = isPath && path.length <= pathLengthMax
  return isShown ? `'${path}'` : `(${path.length} characters, not shown)`
}
