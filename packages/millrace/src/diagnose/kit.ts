// The type Kit: the resolved options and connection factories that every step of a diagnosis
// receives. diagnosis.ts creates it; the steps must not change it.

import type { SaslSettings } from '../net/connection-contract.ts'
import type { ResolvedOptions } from '../producer/options.ts'
import type { ConnectionChoices } from './failed-step.ts'
import type { LookKit } from './second-look.ts'

export interface Kit extends LookKit {
  readonly cluster: ResolvedOptions['cluster']
  readonly sasl: SaslSettings | undefined
  readonly choices: ConnectionChoices
}
