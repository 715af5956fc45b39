// Chance that cannot be guessed, for proofs of identity: nonces. `Random` is for
// jitter.

import { nodeCrypto } from './lazy-builtins.ts'

/** Printable, without commas: 192 bits. */
export const makeNonce = (): string => nodeCrypto().randomBytes(24).toString('base64url')
