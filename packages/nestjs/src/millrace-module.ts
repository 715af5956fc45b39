// The Nest module that provides a MillraceClient under a token: `register` takes the options, and
// `registerAsync` takes a factory that other providers are injected into. Applications import it.
// Each client must have its own producer.

import type { DynamicModule, FactoryProvider, ModuleMetadata } from '@nestjs/common'
import { MillraceClient, type MillraceClientOptions } from './millrace-client.ts'

type Token = string | symbol

/** Options of `MillraceModule.register`. */
export interface MillraceRegisterOptions extends MillraceClientOptions {
  /** The injection token: `@Inject('ORDERS')`; the class MillraceClient by default. */
  readonly name?: Token | undefined
  /** Whether all modules can inject the client without importing this module; false by default. */
  readonly isGlobal?: boolean | undefined
}

/** Options of `MillraceModule.registerAsync`. */
export interface MillraceAsyncOptions {
  /** The injection token: `@Inject('ORDERS')`; the class MillraceClient by default. */
  readonly name?: Token | undefined
  /** Whether all modules can inject the client without importing this module; false by default. */
  readonly isGlobal?: boolean | undefined
  /** Modules that export the providers in `inject`. */
  readonly imports?: ModuleMetadata['imports']
  /** The tokens whose values are passed to `useFactory`, in this order. */
  readonly inject?: FactoryProvider['inject']
  /** Returns the options of the client. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever `inject` names
  readonly useFactory: (...args: any[]) => MillraceClientOptions | Promise<MillraceClientOptions>
}

const moduleOf = (
  { name, isGlobal = false }: { name?: Token | undefined; isGlobal?: boolean | undefined },
  provider: Omit<FactoryProvider<MillraceClient>, 'provide'>,
  imports: ModuleMetadata['imports'] = [],
): DynamicModule => {
  const provide = name ?? MillraceClient
  return {
    module: MillraceModule,
    global: isGlobal,
    imports,
    providers: [{ ...provider, provide }],
    exports: [provide],
  }
}

/** Provides clients. Each has a producer of its own and is closed with the application. */
// biome-ignore lint/complexity/noStaticOnlyClass: Nest knows modules by their classes
export class MillraceModule {
  /** Provides a client with these options. */
  static register({ name, isGlobal, ...options }: MillraceRegisterOptions): DynamicModule {
    return moduleOf({ name, isGlobal }, { useFactory: () => new MillraceClient(options) })
  }

  /** Provides a client with the options that a factory returns. */
  static registerAsync({ name, isGlobal, imports, ...rest }: MillraceAsyncOptions): DynamicModule {
    const { inject = [], useFactory } = rest
    const create = async (...args: unknown[]): Promise<MillraceClient> =>
      new MillraceClient(await useFactory(...args))
    return moduleOf({ name, isGlobal }, { inject, useFactory: create }, imports)
  }
}
