// Owns the late loading of Node's modules that not every program needs: TLS and cryptography alone
// take a sixth of the time of `import 'millrace'`. Callers: runtime/, compression and SASL.
// Invariant: a module is loaded at its first use; `getBuiltinModule` returns the same object each
// time.

export const nodeTls = (): typeof import('node:tls') => process.getBuiltinModule('node:tls')

export const nodeCrypto = (): typeof import('node:crypto') =>
  process.getBuiltinModule('node:crypto')

export const nodeZlib = (): typeof import('node:zlib') => process.getBuiltinModule('node:zlib')

export const nodeDns = (): typeof import('node:dns/promises') =>
  process.getBuiltinModule('node:dns/promises')

export const nodeHeap = (): typeof import('node:v8') => process.getBuiltinModule('node:v8')
