// The remedy of a step that failed, in one sentence.

import { apiVersionsRemedy, dnsRemedy, tcpRemedy } from './remedy-network.ts'
import { saslRemedy } from './remedy-sasl.ts'
import { tlsRemedy } from './remedy-tls.ts'
import type { Trouble } from './trouble.ts'

export const remedyOf = (trouble: Trouble): string => {
  const { step } = trouble
  switch (step) {
    case 'dns':
      return dnsRemedy(trouble)
    case 'tcp':
      return tcpRemedy(trouble)
    case 'tls':
      return tlsRemedy(trouble)
    case 'api-versions':
      return apiVersionsRemedy(trouble)
    case 'sasl':
      return saslRemedy(trouble)
    default:
      return step satisfies never
  }
}
