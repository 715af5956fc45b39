// What every step of a diagnosis works with: the options, resolved, as ways to connect.

import type { SaslSettings } from '../net/connection-contract.ts'
import type { ResolvedOptions } from '../producer/options.ts'
import type { ConnectionChoices } from './failed-step.ts'
import type { LookKit } from './second-look.ts'

export interface Kit extends LookKit {
  readonly cluster: ResolvedOptions['cluster']
  readonly sasl: SaslSettings | undefined
  readonly choices: ConnectionChoices
}
