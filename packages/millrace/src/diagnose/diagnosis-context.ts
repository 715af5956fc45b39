// The type DiagnosisContext: the resolved options and connection factories that every step of a
// diagnosis receives. diagnosis.ts creates it; the steps must not change it.

import type { SaslSettings } from '../net/connection-contract.ts'
import type { ResolvedOptions } from '../producer/options.ts'
import type { ConnectionChoices } from './failed-step.ts'
import type { FactsContext } from './failure-facts.ts'

export interface DiagnosisContext extends FactsContext {
  readonly cluster: ResolvedOptions['cluster']
  readonly sasl: SaslSettings | undefined
  readonly choices: ConnectionChoices
}
