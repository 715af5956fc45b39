// The entry point of @millrace/nestjs. It lists every public name by hand; no other file of the
// package is public.

export type { KafkaMessage } from './event-record.ts'
export { MillraceClient, type MillraceClientOptions } from './millrace-client.ts'
export {
  type MillraceAsyncOptions,
  MillraceModule,
  type MillraceRegisterOptions,
} from './millrace-module.ts'
