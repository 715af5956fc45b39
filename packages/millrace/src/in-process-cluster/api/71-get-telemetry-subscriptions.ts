// Handles GetTelemetrySubscriptions: returns the metrics that the cluster requests from the client
// (KIP-714). client-telemetry.ts owns the state. Caller: handlers.ts.

import { getTelemetrySubscriptionsApi } from '../../protocol/api/71-get-telemetry-subscriptions.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { defineHandler } from './handler.ts'

export const getTelemetrySubscriptionsHandler = defineHandler({
  api: getTelemetrySubscriptionsApi,
  handle: (call) => {
    const { telemetry } = call.node
    if (telemetry === null) call.respond({ errorCode: errorNumber.UNSUPPORTED_VERSION })
    else call.respond(telemetry.subscribe(call.request.clientInstanceId))
  },
  reject: (_request, errorCode) => ({ errorCode }),
})
