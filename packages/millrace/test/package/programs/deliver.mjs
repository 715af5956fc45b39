// The program of delivery.cjs as an ES module; this is also what is bundled.

import * as millrace from 'millrace'
import * as testing from 'millrace/testing'
import delivery from './delivery.cjs'

delivery.deliver(millrace, testing).catch((error) => {
  console.error(error)
  process.exitCode = 1
})
