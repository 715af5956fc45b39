// The entry point of the package.

export type { KafkaMessage } from './event-record.ts'
export { MillraceClient, type MillraceClientOptions } from './millrace-client.ts'
export {
  type MillraceAsyncOptions,
  MillraceModule,
  type MillraceRegisterOptions,
} from './millrace-module.ts'
