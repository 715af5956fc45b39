// Slows the encoder for the test of the guard: each record's key, value and headers are written
// three times, which costs the case about half as much again. Loaded before a measurement with
// --import; nothing else uses it.
import { RecordEncoder } from '../../packages/millrace/dist/src/engine/batch/record-encoder.js'

const { write } = RecordEncoder.prototype
if (typeof write !== 'function') throw new Error('the encoder has moved: slow it down here')

RecordEncoder.prototype.write = function writeThrice(target, position) {
  write.call(this, target, position)
  write.call(this, target, position)
  return write.call(this, target, position)
}
