// The module that provides a client under a name: `MillraceModule.register` where the options are
// at hand, `registerAsync` where other providers have them.

import type { DynamicModule, FactoryProvider, ModuleMetadata } from '@nestjs/common'
import { MillraceClient, type MillraceClientOptions } from './millrace-client.ts'

type Token = string | symbol

/** Options of `MillraceModule.register`. */
export interface MillraceRegisterOptions extends MillraceClientOptions {
  /** What is injected: `@Inject('ORDERS')`; the class MillraceClient itself by default. */
  readonly name?: Token | undefined
  /** Whether all modules see the client without importing this one; false by default. */
  readonly isGlobal?: boolean | undefined
}

/** Options of `MillraceModule.registerAsync`. */
export interface MillraceAsyncOptions {
  /** What is injected: `@Inject('ORDERS')`; the class MillraceClient itself by default. */
  readonly name?: Token | undefined
  /** Whether all modules see the client without importing this one; false by default. */
  readonly isGlobal?: boolean | undefined
  /** Modules whose providers `inject` names. */
  readonly imports?: ModuleMetadata['imports']
  /** What is passed to `useFactory`, in this order. */
  readonly inject?: FactoryProvider['inject']
  /** Makes the options of the client. */
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

/** Provides clients; each has a producer of its own, and is closed with the application. */
// biome-ignore lint/complexity/noStaticOnlyClass: Nest knows modules by their classes
export class MillraceModule {
  /** A client whose options are at hand. */
  static register({ name, isGlobal, ...options }: MillraceRegisterOptions): DynamicModule {
    return moduleOf({ name, isGlobal }, { useFactory: () => new MillraceClient(options) })
  }

  /** A client whose options other providers make. */
  static registerAsync({ name, isGlobal, imports, ...rest }: MillraceAsyncOptions): DynamicModule {
    const { inject = [], useFactory } = rest
    const create = async (...args: unknown[]): Promise<MillraceClient> =>
      new MillraceClient(await useFactory(...args))
    return moduleOf({ name, isGlobal }, { inject, useFactory: create }, imports)
  }
}
