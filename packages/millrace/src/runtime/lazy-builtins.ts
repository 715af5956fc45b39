// Modules of Node that not every program needs, loaded when they are first used: TLS and
// cryptography alone take a sixth of the time of `import 'millrace'`. `getBuiltinModule` returns
// the same object each time.

export const nodeTls = (): typeof import('node:tls') => process.getBuiltinModule('node:tls')

export const nodeCrypto = (): typeof import('node:crypto') =>
  process.getBuiltinModule('node:crypto')

export const nodeZlib = (): typeof import('node:zlib') => process.getBuiltinModule('node:zlib')

export const nodeDns = (): typeof import('node:dns/promises') =>
  process.getBuiltinModule('node:dns/promises')

export const nodeHeap = (): typeof import('node:v8') => process.getBuiltinModule('node:v8')
