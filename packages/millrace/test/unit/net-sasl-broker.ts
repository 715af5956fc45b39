// The fake broker of net/ with a SASL listener: it reads and writes the bytes of SaslHandshake and
// SaslAuthenticate (both version 1) by itself, and does with them what a test says.

import { apiVersionsKey, FakeBroker, type FakeRequest, versionsBody } from './net-fake-broker.ts'

export const saslHandshakeKey = 17
export const saslAuthenticateKey = 36

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const string = (text: string): Buffer =>
  Buffer.concat([int16(Buffer.byteLength(text)), Buffer.from(text)])

export const handshakeBody = (errorCode: number, mechanisms: readonly string[]): Buffer =>
  Buffer.concat([int16(errorCode), int32(mechanisms.length), ...mechanisms.map(string)])

export interface AuthenticateOutcome {
  readonly errorCode?: number
  readonly errorMessage?: string
  readonly bytes?: Uint8Array | string
  readonly sessionLifetimeMs?: number
}

export const authenticateBody = (response: AuthenticateOutcome): Buffer => {
  const { errorCode = 0, errorMessage, bytes = '', sessionLifetimeMs = 0 } = response
  const lifetime = Buffer.alloc(8)
  lifetime.writeBigInt64BE(BigInt(sessionLifetimeMs))
  const challenge = Buffer.from(bytes as string)
  return Buffer.concat([
    int16(errorCode),
    errorMessage === undefined ? int16(-1) : string(errorMessage),
    int32(challenge.length),
    challenge,
    lifetime,
  ])
}

/** A broker that responds to SASL as `onToken` says; what else arrives is in `payloads`. */
export class SaslBroker extends FakeBroker {
  mechanisms: readonly string[] = ['PLAIN', 'SCRAM-SHA-256', 'OAUTHBEARER', 'TEST']
  handshakeError = 0
  /** What the client sent in SaslAuthenticate, with the connection's other traffic in order. */
  readonly tokens: string[] = []
  onToken: (token: string, request: FakeRequest) => AuthenticateOutcome | null = () => ({})
  onOther: (request: FakeRequest) => void = () => {}
  /** When to send a response: a broker responds in order, so SASL waits as long as the others. */
  later: (send: () => void) => void = (send) => send()

  constructor() {
    super()
    this.onVersions = (request) => {
      const ranges = [
        [0, 0, 13],
        [3, 0, 13],
        [apiVersionsKey, 0, 4],
        [saslHandshakeKey, 0, 1],
        [saslAuthenticateKey, 0, 1],
      ] as const
      this.respond(request, versionsBody({ version: request.version, ranges }))
    }
    this.onRequest = (request) => this.#onRequest(request)
  }

  /** The keys of what arrived after ApiVersions, in order. */
  get keys(): number[] {
    return this.payloads.map((request) => request.apiKey)
  }

  #onRequest(request: FakeRequest): void {
    if (request.apiKey === saslHandshakeKey) {
      const body = handshakeBody(this.handshakeError, this.mechanisms)
      this.later(() => this.respond(request, body))
    } else if (request.apiKey === saslAuthenticateKey) {
      const token = request.rest.subarray(4).toString()
      this.tokens.push(token)
      const response = this.onToken(token, request)
      if (response !== null) this.later(() => this.respond(request, authenticateBody(response)))
    } else this.onOther(request)
  }
}
