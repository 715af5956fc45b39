// SaslHandshake: the client chooses a mechanism. The response to one that is not offered lists
// those that are, and the connection is closed, as by Kafka. broker-authentication.ts decides, and
// owns the state; handlers.ts lists this handler.

import { saslHandshakeApi } from '../../protocol/api/17-sasl-handshake.ts'
import { defineHandler } from './handler.ts'

export const saslHandshakeHandler = defineHandler({
  api: saslHandshakeApi,
  handle: (call) => {
    const { isLast, ...rest } = call.authentication.chooseMechanism(
      call.request.mechanism,
      call.version,
    )
    const response = { ...rest, mechanisms: [...rest.mechanisms] }
    if (isLast) call.respondLast(response)
    else call.respond(response)
  },
  reject: (_request, errorCode) => ({ errorCode, mechanisms: [] }),
})
