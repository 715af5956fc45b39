// One client's connection to a node: requests are carried out one at a time and answered in order,
// as by Kafka. It owns the stream, the requests that wait, and what faults do to them:
//
//   bytes → frames → waiting → [delay] → handler → [delay] → answer → next
//
// Whatever is malformed or not served closes the connection; so does an error of ours, which is
// reported.

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
  type TokenAnswer,
} from './authentication.ts'
import { type Faults, noStrike, type RequestView, type Strike } from './faults.ts'
import { FrameAssembler } from './frame-assembler.ts'
import type { SaslService } from './sasl-service.ts'

/** What the connection needs of its node. */
export interface ConnectionHost {
  readonly context: NodeContext
  readonly clock: Clock
  readonly faults: Faults
  readonly requestBytesMax: number
  /** Null where nobody has to authenticate. */
  readonly sasl: SaslService | null
  /** Each request, before it is carried out. */
  onRequest(request: RequestView): void
  onClosed(connection: NodeConnection): void
  /** A defect of ours came to light. */
  onDefect(error: unknown): void
}

/** More requests than these are not read ahead. */
const waitingMax = 16
/** With more bytes than these not taken by the client, the next request waits. */
const pendingBytesMax = 16 * 1024 * 1024

interface Request {
  readonly header: RequestHeader
  readonly handler: AnyHandler
  readonly body: unknown
  readonly strike: Strike
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
  /** A request is under way; for ever, once one was dropped before it was carried out. */
  #busy = false
  /** Nothing is answered any more: an answer was dropped. */
  #mute = false
  /** The node does not react for the time being. */
  #frozen = false
  /** What fell due while frozen, in order. */
  #thaw: (() => void)[] = []
  #closed = false
  /** #next is under way further up the stack. */
  #looping = false
  #timer: Timer | null = null
  #onGone: (() => void) | null = null

  constructor(stream: ByteStream, host: ConnectionHost) {
    this.#stream = stream
    this.#host = host
    this.authentication = new Authentication(host.sasl, host.clock)
    this.#frames = new FrameAssembler(host.requestBytesMax, (frame) => this.#waiting.push(frame))
  }

  onData(bytes: Uint8Array): void {
    if (this.#closed) return
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
    this.#waiting = []
    this.#thaw = []
    const onGone = this.#onGone
    this.#onGone = null
    onGone?.()
    this.#host.onClosed(this)
  }

  close(): void {
    this.#stream.destroy()
    this.onClose()
  }

  /** While frozen nothing is read, carried out or answered; then everything is, in order. */
  freeze(frozen: boolean): void {
    if (this.#closed || this.#frozen === frozen) return
    this.#frozen = frozen
    if (frozen) {
      this.#stream.pause()
      return
    }
    const due = this.#thaw
    this.#thaw = []
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
    this.#regulate()
  }

  /** A defect ends this connection, not the one whose request called in here. */
  #guard(body: () => void): void {
    try {
      body()
    } catch (error) {
      this.#host.onDefect(error)
      this.close()
    }
  }

  /** Reads on only while few requests wait. */
  #regulate(): void {
    if (this.#closed) return
    if (this.#frozen || this.#waiting.length > waitingMax) this.#stream.pause()
    else this.#stream.resume()
  }

  #start(frame: Uint8Array): void {
    if (this.authentication.takesBareTokens) {
      this.authentication.authenticate(frame, (answer) => this.#respondBare(answer))
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
      this.#decode(header, handler, reader, admission)
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

  #decode(header: RequestHeader, handler: AnyHandler, reader: Reader, admission: Admission): void {
    let body: unknown
    try {
      body = handler.api.decodeRequest(reader, header.apiVersion)
    } catch {
      this.close()
      return
    }
    const request = { header, handler, body, strike: noStrike }
    if (admission === 'illegal') this.#refuseIllegal(request)
    else this.#strike(request)
  }

  /** Kafka's answer to whatever comes instead of a token. */
  #refuseIllegal(request: Request): void {
    const { refuse } = request.handler
    if (refuse === undefined) {
      this.close()
      return
    }
    const { apiVersion } = request.header
    this.#respondLast(request, refuse(request.body, errorNumber.ILLEGAL_SASL_STATE, apiVersion))
  }

  #strike(request: Request): void {
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
    const strike = faults.strike(view)
    this.#after(strike.delayBeforeMs, () => {
      if (strike.closes === 'before') this.close()
      else if (strike.drops !== 'before') this.#handle({ ...request, strike })
    })
  }

  #handle(request: Request): void {
    const { header, handler, body, strike } = request
    const { refuse } = handler
    const version = header.apiVersion
    const refusedBefore = refuse === undefined ? 0 : strike.errorAt('before')
    if (refuse !== undefined && refusedBefore !== 0) {
      this.#respond(request, refuse(body, refusedBefore, version))
      return
    }
    let answered = false
    const mayAnswer = (): boolean => {
      if (answered || this.#closed) return false
      answered = true
      this.#onGone = null
      return true
    }
    const call: ApiCall<unknown, unknown> = {
      node: this.#host.context,
      request: body,
      version,
      clientId: header.clientId,
      authentication: this.authentication,
      strike,
      respondLast: (response) => {
        if (!mayAnswer()) return
        this.#guard(() => this.#respondLast(request, response))
      },
      respond: (response) => {
        if (!mayAnswer()) return
        const refusedAfter = refuse === undefined ? 0 : strike.errorAt('after')
        const told =
          refuse !== undefined && refusedAfter !== 0
            ? refuse(body, refusedAfter, version)
            : response
        this.#guard(() => this.#respond(request, told))
      },
      close: () => this.close(),
      onGone: (callback) => {
        if (!answered) this.#onGone = callback
      },
    }
    handler.handle(call)
  }

  #respond(request: Request, response: unknown): void {
    const { strike } = request
    this.#after(strike.delayAfterMs, () => {
      if (strike.closes === 'after') {
        this.close()
        return
      }
      if (strike.drops === 'after') this.#mute = true
      if (response !== null) {
        const { throttleMs } = strike
        const told =
          throttleMs > 0 ? { ...(response as object), throttleTimeMs: throttleMs } : response
        this.#send(this.#encode(request.header, request.handler, told))
      }
      this.#after(strike.throttleMs, () => this.#done())
    })
  }

  /** Answers a failed authentication: late, and then the connection is over. */
  #respondLast(request: Request, response: unknown): void {
    const { strike } = request
    this.#after(strike.delayAfterMs + failureDelayMs, () => {
      if (strike.closes === 'after') this.close()
      else if (strike.drops === 'after') this.#mute = true
      else this.#sendLast(this.#encode(request.header, request.handler, response))
    })
  }

  /** Answers a token that came without a request around it; a failure has no words then. */
  #respondBare({ errorCode, authBytes }: TokenAnswer): void {
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

  /** The whole answer, its size in front. */
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
    if (this.#mute || this.#closed) return
    if (this.#frozen) this.#thaw.push(() => this.#send(bytes))
    else this.#stream.write([bytes])
  }

  #sendLast(bytes: Uint8Array): void {
    if (this.#mute || this.#closed) return
    if (this.#frozen) this.#thaw.push(() => this.#sendLast(bytes))
    else this.#stream.write([bytes], () => this.close())
  }

  /** The request is over: the next one, once the client has taken most of what was written. */
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

  /** At once for 0. A connection that is closed meanwhile forgets it. */
  #after(delayMs: number, callback: () => void): void {
    if (delayMs <= 0) {
      callback()
      return
    }
    this.#timer = this.#host.clock.setTimer(delayMs, () => {
      this.#timer = null
      if (this.#frozen) this.#thaw.push(() => this.#guard(callback))
      else this.#guard(callback)
    })
  }
}
