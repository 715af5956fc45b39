// The one entry point of the package: the names that kafkajs exports, and all of them as the
// default export, which is how ES modules import a CommonJS package such as kafkajs.

export * from './names.ts'
export * as default from './names.ts'
