// Handles SaslHandshake: selects the client's SASL mechanism. For an unsupported mechanism the
// response lists the supported ones, and the connection is closed, as in Kafka.
// broker-authentication.ts decides and owns the state. Caller: handlers.ts.

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
