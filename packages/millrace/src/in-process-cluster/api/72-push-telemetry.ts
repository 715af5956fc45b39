// Handles PushTelemetry: passes the metrics of a client to client-telemetry.ts, which stores them
// (KIP-714). Caller: handlers.ts.

import { pushTelemetryApi } from '../../protocol/api/72-push-telemetry.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { defineHandler } from './handler.ts'

export const pushTelemetryHandler = defineHandler({
  api: pushTelemetryApi,
  handle: (call) => {
    const { telemetry, id } = call.node
    if (telemetry === null) call.respond({ errorCode: errorNumber.UNSUPPORTED_VERSION })
    else call.respond(telemetry.push(call.request, id, call.clientId))
  },
  reject: (_request, errorCode) => ({ errorCode }),
})
