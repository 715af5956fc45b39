// SaslAuthenticate: a token of the client's, and the server's answer to it. The last one says how
// long the session lives. A failure, by a wrong password or by a fault, is answered late and ends
// the connection.

import { saslAuthenticateApi } from '../../protocol/api/36-sasl-authenticate.ts'
import type { TokenAnswer } from '../authentication.ts'
import { defineHandler } from './handler.ts'

export const saslAuthenticateHandler = defineHandler({
  api: saslAuthenticateApi,
  handle: (call) => {
    const { authentication, strike } = call
    const respond = ({ isLast, ...answer }: TokenAnswer): void => {
      if (isLast) call.respondLast(answer)
      else call.respond(answer)
    }
    const refusedBefore = strike.errorAt('before')
    if (refusedBefore !== 0) {
      respond(authentication.refuse(refusedBefore))
      return
    }
    authentication.authenticate(call.request.authBytes, (answer) => {
      const refusedAfter = strike.errorAt('after')
      respond(refusedAfter === 0 ? answer : authentication.refuse(refusedAfter))
    })
  },
})
