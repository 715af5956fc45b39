// SaslHandshake: the client chooses a mechanism. One that is not offered is answered with the list
// of those that are, and the connection is closed; so it is in Kafka.

import { saslHandshakeApi } from '../../protocol/api/17-sasl-handshake.ts'
import { defineHandler } from './handler.ts'

export const saslHandshakeHandler = defineHandler({
  api: saslHandshakeApi,
  handle: (call) => {
    const { isLast, ...answer } = call.authentication.chooseMechanism(
      call.request.mechanism,
      call.version,
    )
    const response = { ...answer, mechanisms: [...answer.mechanisms] }
    if (isLast) call.respondLast(response)
    else call.respond(response)
  },
  refuse: (_request, errorCode) => ({ errorCode, mechanisms: [] }),
})
