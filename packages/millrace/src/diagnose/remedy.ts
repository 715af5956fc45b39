// Selects the remedy for a failed step by the step's name. A remedy is one sentence. Caller:
// address-steps.ts.

import type { FailedStep } from './failed-step.ts'
import { apiVersionsRemedy, dnsRemedy, tcpRemedy } from './remedy-network.ts'
import { saslRemedy } from './remedy-sasl.ts'
import { tlsRemedy } from './remedy-tls.ts'

export const remedyOf = (failedStep: FailedStep): string => {
  const { step } = failedStep
  switch (step) {
    case 'dns':
      return dnsRemedy(failedStep)
    case 'tcp':
      return tcpRemedy(failedStep)
    case 'tls':
      return tlsRemedy(failedStep)
    case 'api-versions':
      return apiVersionsRemedy(failedStep)
    case 'sasl':
      return saslRemedy(failedStep)
    default:
      return step satisfies never
  }
}
