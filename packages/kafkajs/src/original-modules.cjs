'use strict'
// The modules of kafkajs that the adapter uses, where kafkajs is installed. This file is CommonJS in
// both builds: bundlers and test runners follow a plain `require`, and let one inside `try` fail.
// Called by original.ts.

/** The whole of kafkajs, or why it can't be loaded. */
module.exports.kafkajs = () => {
  try {
    return { module: require('kafkajs') }
  } catch (error) {
    return { error }
  }
}

// Small parts, which load in a tenth of the time; undefined where kafkajs is missing.

/** Its error classes. */
module.exports.errors = () => {
  try {
    return require('kafkajs/src/errors')
  } catch {
    return undefined
  }
}

/** Its codec registry. */
module.exports.compression = () => {
  try {
    return require('kafkajs/src/protocol/message/compression')
  } catch {
    return undefined
  }
}

/** Its errors by Kafka's numbers. */
module.exports.protocolError = () => {
  try {
    return require('kafkajs/src/protocol/error')
  } catch {
    return undefined
  }
}
