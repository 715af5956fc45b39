// A client's connection to a node. It owns the stream and the queue of requests, and applies faults
// and quotas. Like Kafka, it handles one request at a time and responds in order. A malformed
// request, or a request of an unknown API, closes the connection. An internal error closes it too,
// and is reported by `onDefect`. Caller: node.ts.
//
//   bytes → frames → waiting → [delay] → handler → [delay] → response → next

import {
  decodeRequestHeader,
  encodeResponseHeader,
  type RequestHeader,
} from '../protocol/api/header.ts'
import { Reader } from '../protocol/bytes/reader.ts'
import { Writer } from '../protocol/bytes/writer.ts'
import { errorNumber } from '../protocol/errors.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { ByteStream, StreamHandler } from '../runtime/transport.ts'
import { unsupportedApiVersions } from './api/18-api-versions.ts'
import type { AnyHandler, ApiCall, NodeContext } from './api/handler.ts'
import { handlerOf, isFlexible } from './api/handlers.ts'
import {
  type Admission,
  Authentication,
  failureDelayMs,
  type TokenResponse,
} from './broker-authentication.ts'
import { type FaultEffects, type Faults, noEffects, type RequestView } from './faults.ts'
import { FrameAssembler } from './frame-assembler.ts'
import { malform } from './malformed-response.ts'
import { noThrottle, type ProduceQuota, type Throttle } from './produce-quota.ts'
import type { SaslService } from './sasl-service.ts'

/** The parts of a node that its connections use. */
export interface ConnectionHost {
  readonly context: NodeContext
  readonly clock: Clock
  readonly faults: Faults
  readonly requestBytesMax: number
  /** Infinity = idle connections are not closed. */
  readonly connectionsMaxIdleMs: number
  /** null = Produce requests are not throttled. */
  readonly produceQuota: ProduceQuota | null
  /** null = clients do not have to authenticate. */
  readonly sasl: SaslService | null
  /** Called with each request before it is carried out. */
  onRequest(request: RequestView): void
  onClosed(connection: NodeConnection): void
  /** Called for an internal error of the cluster. */
  onDefect(error: unknown): void
}

/** The maximum number of requests that are read ahead. */
const waitingMax = 16
/** While the client has not read more than this many bytes, the next request waits. */
const pendingBytesMax = 16 * 1024 * 1024

interface Request {
  readonly header: RequestHeader
  readonly handler: AnyHandler
  readonly body: unknown
  readonly effects: FaultEffects
}

/** The effects of faults, combined with those of the quota. */
const throttled = (effects: FaultEffects, throttle: Throttle): FaultEffects => {
  if (throttle === noThrottle) return effects
  return {
    closes: effects.closes,
    drops: effects.drops,
    delayBeforeMs: effects.delayBeforeMs + throttle.delayMs,
    delayAfterMs: effects.delayAfterMs,
    throttleTimeMs: Math.max(effects.throttleTimeMs, throttle.throttleTimeMs),
    muteMs: Math.max(effects.muteMs, throttle.muteMs),
    malformed: effects.malformed,
    errorAt: throttle.isRejected ? () => errorNumber.POLICY_VIOLATION : effects.errorAt,
  }
}

const readHeader = (reader: Reader): RequestHeader | null => {
  try {
    return decodeRequestHeader(reader, isFlexible)
  } catch {
    return null
  }
}

export class NodeConnection implements StreamHandler {
  readonly authentication: Authentication
  readonly #stream: ByteStream
  readonly #host: ConnectionHost
  readonly #frames: FrameAssembler
  #waiting: Uint8Array[] = []
  /**
   * A request is being handled. It stays true after a request was dropped before it was carried
   * out.
   */
  #busy = false
  /** No more responses are sent, because one was dropped. */
  #dropsResponses = false
  /** Whether the node is frozen. */
  #frozen = false
  /** Callbacks that became due while the node was frozen, in order. */
  #deferred: (() => void)[] = []
  #closed = false
  /** Whether #next is already running in this call stack. */
  #looping = false
  #timer: Timer | null = null
  #idleTimer: Timer | null = null
  #activeAt = 0
  #onGone: (() => void) | null = null

  constructor(stream: ByteStream, host: ConnectionHost) {
    this.#stream = stream
    this.#host = host
    this.authentication = new Authentication(host.sasl, host.clock)
    this.#frames = new FrameAssembler(host.requestBytesMax, (frame) => this.#waiting.push(frame))
    this.#activeAt = host.clock.now()
    this.#watchIdle(host.connectionsMaxIdleMs)
  }

  onData(bytes: Uint8Array): void {
    if (this.#closed) return
    this.#activeAt = this.#host.clock.now()
    try {
      this.#frames.push(bytes)
    } catch {
      this.close()
      return
    }
    this.#next()
  }

  onClose(): void {
    if (this.#closed) return
    this.#closed = true
    this.#timer?.cancel()
    this.#idleTimer?.cancel()
    this.#waiting = []
    this.#deferred = []
    const onGone = this.#onGone
    this.#onGone = null
    onGone?.()
    this.#host.onClosed(this)
  }

  close(): void {
    this.#stream.destroy()
    this.onClose()
  }

  /** Closes the connection if no bytes arrive for connectionsMaxIdleMs. It uses a single timer. */
  #watchIdle(delayMs: number): void {
    if (delayMs === Number.POSITIVE_INFINITY) return
    const { clock, connectionsMaxIdleMs } = this.#host
    this.#idleTimer = clock.setTimer(delayMs, () => {
      const remainingMs = this.#activeAt + connectionsMaxIdleMs - clock.now()
      if (remainingMs <= 0 && !this.#busy) this.close()
      else this.#watchIdle(remainingMs <= 0 ? connectionsMaxIdleMs : remainingMs)
    })
    this.#idleTimer.unref?.()
  }

  /**
   * While frozen, no request is read or carried out and no response is sent; afterwards all are, in
   * order.
   */
  freeze(frozen: boolean): void {
    if (this.#closed || this.#frozen === frozen) return
    this.#frozen = frozen
    if (frozen) {
      this.#stream.pause()
      return
    }
    const due = this.#deferred
    this.#deferred = []
    for (const each of due) each()
    this.#next()
  }

  #next(): void {
    if (this.#looping) return
    this.#looping = true
    while (!this.#busy && !this.#closed && !this.#frozen) {
      const frame = this.#waiting.shift()
      if (frame === undefined) break
      this.#busy = true
      this.#guard(() => this.#start(frame))
    }
    this.#looping = false
    this.#updateReading()
  }

  /** Runs `body`; an internal error closes this connection and does not affect the caller. */
  #guard(body: () => void): void {
    try {
      body()
    } catch (error) {
      this.#host.onDefect(error)
      this.close()
    }
  }

  /** Reads more bytes only while few requests wait. */
  #updateReading(): void {
    if (this.#closed) return
    if (this.#frozen || this.#waiting.length > waitingMax) this.#stream.pause()
    else this.#stream.resume()
  }

  #start(frame: Uint8Array): void {
    if (this.authentication.takesBareTokens) {
      this.authentication.authenticate(frame, (response) => this.#respondBare(response))
      return
    }
    const reader = new Reader(frame)
    const { versions } = this.#host.context
    const header = readHeader(reader)
    const handler = header === null ? undefined : handlerOf(header.apiKey)
    const range = header === null ? undefined : versions.get(header.apiKey)
    if (header === null || handler === undefined || range === undefined) {
      this.close()
      return
    }
    const admission = this.authentication.admit(header.apiKey, frame.length)
    if (admission === 'closed') {
      this.close()
      return
    }
    const { apiVersion } = header
    const { api } = handler
    if (apiVersion >= Math.max(range.min, api.versions.min) && apiVersion <= range.max) {
      this.#decode(header, handler, reader, admission, frame.length)
      return
    }
    if (api.name !== 'ApiVersions') {
      this.close()
      return
    }
    const plain = { ...header, apiVersion: 0 }
    this.#send(this.#encode(plain, handler, unsupportedApiVersions(versions)))
    this.#done()
  }

  #decode(
    header: RequestHeader,
    handler: AnyHandler,
    reader: Reader,
    admission: Admission,
    requestBytes: number,
  ): void {
    let body: unknown
    try {
      body = handler.api.decodeRequest(reader, header.apiVersion)
    } catch {
      this.close()
      return
    }
    const request = { header, handler, body, effects: noEffects }
    if (admission === 'illegal') this.#rejectIllegal(request)
    else this.#applyFaults(request, requestBytes)
  }

  /** Kafka's response to a request where a token is expected. */
  #rejectIllegal(request: Request): void {
    const { reject } = request.handler
    if (reject === undefined) {
      this.close()
      return
    }
    const { apiVersion } = request.header
    this.#respondLast(request, reject(request.body, errorNumber.ILLEGAL_SASL_STATE, apiVersion))
  }

  #applyFaults(request: Request, requestBytes: number): void {
    const { header, handler, body } = request
    const { context, faults } = this.#host
    const view: RequestView = {
      api: handler.api.name,
      version: header.apiVersion,
      node: context.id,
      clientId: header.clientId,
      principal: this.authentication.principal,
      targets: handler.targets?.(body, context.state) ?? [],
      transactionalIds: handler.transactionalIds?.(body) ?? [],
      body,
    }
    this.#host.onRequest(view)
    const { produceQuota } = this.#host
    const isCharged = produceQuota !== null && view.api === 'Produce'
    const throttle = isCharged ? produceQuota.charge(body, requestBytes) : noThrottle
    const effects = throttled(faults.effectsOn(view), throttle)
    this.#after(effects.delayBeforeMs, () => {
      if (effects.closes === 'before') this.close()
      else if (effects.drops !== 'before') this.#handle({ ...request, effects })
    })
  }

  #handle(request: Request): void {
    const { header, handler, body, effects } = request
    const { reject } = handler
    const version = header.apiVersion
    const rejectedBefore = reject === undefined ? 0 : effects.errorAt('before')
    if (reject !== undefined && rejectedBefore !== 0) {
      this.#respond(request, reject(body, rejectedBefore, version))
      return
    }
    let hasResponded = false
    const mayRespond = (): boolean => {
      if (hasResponded || this.#closed) return false
      hasResponded = true
      this.#onGone = null
      return true
    }
    const call: ApiCall<unknown, unknown> = {
      node: this.#host.context,
      request: body,
      version,
      clientId: header.clientId,
      authentication: this.authentication,
      effects,
      respondLast: (response) => {
        if (!mayRespond()) return
        this.#guard(() => this.#respondLast(request, response))
      },
      respond: (response) => {
        if (!mayRespond()) return
        const rejectedAfter = reject === undefined ? 0 : effects.errorAt('after')
        const sent =
          reject !== undefined && rejectedAfter !== 0
            ? reject(body, rejectedAfter, version)
            : response
        this.#guard(() => this.#respond(request, sent))
      },
      close: () => this.close(),
      onGone: (callback) => {
        if (!hasResponded) this.#onGone = callback
      },
    }
    handler.handle(call)
  }

  #respond(request: Request, response: unknown): void {
    const { effects } = request
    this.#after(effects.delayAfterMs, () => {
      if (effects.closes === 'after') {
        this.close()
        return
      }
      if (effects.drops === 'after') this.#dropsResponses = true
      if (response !== null) {
        const { throttleTimeMs } = effects
        const reported = throttleTimeMs > 0 ? { ...(response as object), throttleTimeMs } : response
        const bytes = this.#encode(request.header, request.handler, reported)
        this.#send(effects.malformed === null ? bytes : malform(bytes, effects.malformed))
      }
      this.#after(effects.muteMs, () => this.#done())
    })
  }

  /** Responds to a failed authentication after a delay, and then closes the connection. */
  #respondLast(request: Request, response: unknown): void {
    const { effects } = request
    this.#after(effects.delayAfterMs + failureDelayMs, () => {
      if (effects.closes === 'after') this.close()
      else if (effects.drops === 'after') this.#dropsResponses = true
      else this.#sendLast(this.#encode(request.header, request.handler, response))
    })
  }

  /** Responds to a token without a request header; a failure has no message in this case. */
  #respondBare({ errorCode, authBytes }: TokenResponse): void {
    if (this.#closed) return
    if (errorCode !== 0) {
      this.#after(failureDelayMs, () => this.close())
      return
    }
    const size = new Writer()
    size.writeInt32(authBytes.length)
    this.#send(Buffer.concat([size.finish(), authBytes]))
    this.#done()
  }

  /** The complete response, including its size field. */
  #encode(header: RequestHeader, handler: AnyHandler, response: unknown): Uint8Array {
    const { api } = handler
    const writer = new Writer()
    const sizeAt = writer.reserve(4)
    const flexible = api.isFlexible(header.apiVersion)
    encodeResponseHeader(writer, api.key, header.correlationId, flexible)
    api.encodeResponse(writer, response as object, header.apiVersion)
    writer.patchInt32(sizeAt, writer.size - 4)
    return writer.finish()
  }

  #send(bytes: Uint8Array): void {
    if (this.#dropsResponses || this.#closed) return
    if (this.#frozen) this.#deferred.push(() => this.#send(bytes))
    else this.#stream.write([bytes])
  }

  #sendLast(bytes: Uint8Array): void {
    if (this.#dropsResponses || this.#closed) return
    if (this.#frozen) this.#deferred.push(() => this.#sendLast(bytes))
    else this.#stream.write([bytes], () => this.close())
  }

  /** Ends the request; the next one starts when the client has read most of the written bytes. */
  #done(): void {
    if (this.#closed) return
    if (this.#stream.pendingBytes > pendingBytesMax) {
      this.#stream.write([], () => this.#release())
      return
    }
    this.#release()
  }

  #release(): void {
    this.#busy = false
    this.#next()
  }

  /** Calls at once if `delayMs` is 0. Closing the connection cancels it. */
  #after(delayMs: number, callback: () => void): void {
    if (delayMs <= 0) {
      callback()
      return
    }
    this.#timer = this.#host.clock.setTimer(delayMs, () => {
      this.#timer = null
      if (this.#frozen) this.#deferred.push(() => this.#guard(callback))
      else this.#guard(callback)
    })
  }
}
