// Chance that cannot be guessed, for what proves something to somebody: nonces. `Random` is for
// jitter.

import { randomBytes } from 'node:crypto'

/** Printable, without commas: 192 bits. */
export const makeNonce = (): string => randomBytes(24).toString('base64url')
