// Results that come by callback, brought back to who sent: by the key's bytes, which are passed
// through as they are, or by count.
import { delivered, failed } from './common.mjs'

export class Results {
  #waiting = new Map()
  #left = 0
  #done = null

  succeeded(key, metadata) {
    delivered(metadata)
    this.#settled(key, null, metadata)
  }

  failed(key, error) {
    if (!this.#waiting.has(key)) failed(error)
    this.#settled(key, error, null)
  }

  #settled(key, error, metadata) {
    const waiting = this.#waiting.size > 0 ? this.#waiting.get(key) : undefined
    if (waiting !== undefined) {
      this.#waiting.delete(key)
      if (error === null) waiting.resolve(metadata)
      else waiting.reject(error)
    } else if (--this.#left === 0) this.#done()
  }

  /** The result of one message; rejects also where it was not taken. */
  of(key, taken) {
    return new Promise((resolve, reject) => {
      this.#waiting.set(key, { resolve, reject })
      taken.catch(reject)
    })
  }

  /** Resolves when `count` messages that `send` sends have their results. */
  all(count, send) {
    return new Promise((resolve, reject) => {
      this.#left = count
      this.#done = resolve
      send().catch(reject)
    })
  }
}
