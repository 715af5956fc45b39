// The types of original-modules.cjs.

import type * as errors from './own-errors.ts'

declare const modules: {
  kafkajs(): { readonly module?: typeof import('kafkajs'); readonly error?: unknown }
  errors(): typeof errors | undefined
  compression(): { readonly Codecs: Record<number, () => unknown> } | undefined
  protocolError(): { createErrorFromCode(code: number): errors.ProtocolErrorFields } | undefined
}

export = modules
