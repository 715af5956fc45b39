// What every step of a diagnosis works with: the options, resolved, as ways to connect.

import type { SaslSettings } from '../net/authentication.ts'
import type { ResolvedOptions } from '../producer/options.ts'
import type { LookKit } from './second-look.ts'
import type { Wishes } from './trouble.ts'

export interface Kit extends LookKit {
  readonly cluster: ResolvedOptions['cluster']
  readonly sasl: SaslSettings | undefined
  readonly wishes: Wishes
}
