// Stand-ins for modules that examples import and that talk to a cloud or to a proxy: as small as
// the examples allow, with the same names. doc-programs.ts redirects imports here.

import { connect, type Socket } from 'node:net'

/** aws-msk-iam-sasl-signer-js: an unsecured token, as the in-process cluster takes it. */
export const generateAuthToken = async ({ region }: { region: string }) => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const expiryTime = Date.now() + 900_000
  const claims = { sub: `role-in-${region}`, exp: Math.floor(expiryTime / 1000) }
  return { token: `${part({ alg: 'none' })}.${part(claims)}.`, expiryTime }
}

/** @aws-crypto/sha256-js */
export class Sha256 {}

/** @aws-sdk/credential-providers */
export const fromNodeProviderChain = () => async () => ({ accessKeyId: 'AKIA' })

interface RequestParts {
  readonly headers: Record<string, string>
  readonly query: Record<string, string>
}

/** @smithy/protocol-http */
export class HttpRequest {
  readonly query: Record<string, string>
  readonly headers: Record<string, string>

  constructor({ headers, query }: RequestParts) {
    this.headers = headers
    this.query = query
  }
}

/** @smithy/signature-v4: names what it would sign, and signs nothing. */
export class SignatureV4 {
  async presign({ query, headers }: HttpRequest, { expiresIn }: { expiresIn: number }) {
    const signed = { 'X-Amz-Expires': String(expiresIn), 'X-Amz-Signature': headers.host ?? '' }
    return { query: { ...query, ...signed } }
  }
}

interface Place {
  readonly host: string
  readonly port: number
}

/** socks: says the greeting and the request of SOCKS 5, for a name. */
export const SocksClient = {
  createConnection: ({ proxy, destination }: { proxy: Place; destination: Place }) =>
    new Promise<{ socket: Socket }>((resolve, reject) => {
      const socket = connect(proxy.port, proxy.host)
      const name = Buffer.from(destination.host)
      const port = Buffer.from([destination.port >> 8, destination.port & 0xff])
      socket.on('error', reject)
      socket.write(Buffer.from([5, 1, 0]))
      socket.write(Buffer.concat([Buffer.from([5, 1, 0, 3, name.length]), name, port]))
      let responded = 0
      const onData = (bytes: Buffer): void => {
        responded += bytes.length
        // Two bytes respond to the greeting, ten to the request.
        if (responded < 12) return
        socket.off('data', onData)
        socket.pause()
        resolve({ socket })
      }
      socket.on('data', onData)
    }),
}
