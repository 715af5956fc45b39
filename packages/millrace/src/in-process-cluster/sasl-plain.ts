// The server side of PLAIN (RFC 4616): one token contains the user's name and password. Rejections
// must have Kafka's messages. Caller: sasl-service.ts.

import { Buffer } from 'node:buffer'
import {
  actsForAnother,
  type SaslReply,
  type SaslServer,
  visibleRefusal,
} from './sasl-mechanism.ts'

const tokenParts = 3

export class PlainServer implements SaslServer {
  readonly #passwordOf: (user: string) => string | undefined

  constructor(passwordOf: (user: string) => string | undefined) {
    this.#passwordOf = passwordOf
  }

  evaluate(token: Uint8Array): SaslReply {
    const parts = Buffer.from(token).toString().split('\0')
    if (parts.length !== tokenParts) {
      throw visibleRefusal(`Invalid SASL/PLAIN response: expected 3 tokens, got ${parts.length}`)
    }
    const [authorizationId, user, password] = parts as [string, string, string]
    if (user === '') throw visibleRefusal('Authentication failed: username not specified')
    if (password === '') throw visibleRefusal('Authentication failed: password not specified')
    if (this.#passwordOf(user) !== password) {
      throw visibleRefusal('Authentication failed: Invalid username or password')
    }
    if (authorizationId !== '' && authorizationId !== user) {
      throw actsForAnother()
    }
    return { challenge: new Uint8Array(0), identity: { principal: user, expiresAt: null } }
  }
}
