// Handles SaslAuthenticate: passes a token of the client to broker-authentication.ts, and responds
// with the server's token. The last response contains the session lifetime. The response to a
// failure (a wrong password, or a fault) is delayed, and closes the connection. Caller:
// handlers.ts.

import { saslAuthenticateApi } from '../../protocol/api/36-sasl-authenticate.ts'
import type { TokenResponse } from '../broker-authentication.ts'
import { defineHandler } from './handler.ts'

export const saslAuthenticateHandler = defineHandler({
  api: saslAuthenticateApi,
  handle: (call) => {
    const { authentication, effects } = call
    const respond = ({ isLast, ...response }: TokenResponse): void => {
      if (isLast) call.respondLast(response)
      else call.respond(response)
    }
    const rejectedBefore = effects.errorAt('before')
    if (rejectedBefore !== 0) {
      respond(authentication.reject(rejectedBefore))
      return
    }
    authentication.authenticate(call.request.authBytes, (response) => {
      const rejectedAfter = effects.errorAt('after')
      respond(rejectedAfter === 0 ? response : authentication.reject(rejectedAfter))
    })
  },
})
