// The entry point of the package: exports the names that kafkajs exports, and an object of all of
// them as the default export, which is how ES modules import a CommonJS package such as kafkajs.
// The names are in names.ts.

export * from './names.ts'
export * as default from './names.ts'
