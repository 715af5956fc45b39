// The one door of the package.

export { type KafkaMessage, MillraceClient, type MillraceClientOptions } from './millrace-client.ts'
export {
  type MillraceAsyncOptions,
  MillraceModule,
  type MillraceRegisterOptions,
} from './millrace-module.ts'
