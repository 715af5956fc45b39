// The program of delivery.cjs in CommonJS: `require` of our packages, which are ES modules.

const millrace = require('millrace')
const testing = require('millrace/testing')
const { deliver } = require('./delivery.cjs')

deliver(millrace, testing).catch((error) => {
  console.error(error)
  process.exitCode = 1
})
