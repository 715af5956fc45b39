// What a caller's code can throw or pass that cannot be read: getters and proxies that throw,
// values without a text, circular objects.

const thrown = (): never => {
  throw new Error('not readable')
}

const proxy = (): object =>
  new Proxy(Object.create(null), {
    get: thrown,
    has: thrown,
    getPrototypeOf: thrown,
    ownKeys: thrown,
  })

const withGetter = (name: string): Error =>
  Object.defineProperty(new Error('x'), name, { get: thrown })

/** Each is made anew by a call. */
export const unreadableValues = (): Record<string, unknown> => {
  const circular: Record<string, unknown> = {}
  circular.self = circular
  const { proxy: revoked, revoke } = Proxy.revocable({}, {})
  revoke()
  return {
    undefined: undefined,
    null: null,
    'a symbol': Symbol('s'),
    'a bigint': 10n,
    'an object without a prototype': Object.create(null),
    'a proxy that throws': proxy(),
    'a revoked proxy': revoked,
    'a circular object': circular,
    'an error whose message throws': withGetter('message'),
    'an error whose stack throws': withGetter('stack'),
    'an error whose cause throws': withGetter('cause'),
    'an error whose fields are symbols': Object.assign(new Error('x'), {
      message: Symbol('m'),
      name: Symbol('n'),
      code: Symbol('c'),
    }),
    'an error whose code has no text': Object.assign(new Error('x'), { code: Object.create(null) }),
    'an object whose class throws': Object.defineProperty({}, 'constructor', { get: thrown }),
    'an object whose text throws': { toString: thrown, toJSON: thrown },
  }
}
