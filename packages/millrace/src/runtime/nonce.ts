// Owns random values that cannot be guessed: nonces of SASL exchanges. Caller:
// producer/sasl-option.ts. Invariant: they come from node:crypto; `Random` is for jitter only.

import { nodeCrypto } from './lazy-builtins.ts'

/** 192 random bits as printable text without commas. */
export const makeNonce = (): string => nodeCrypto().randomBytes(24).toString('base64url')
