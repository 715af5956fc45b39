import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { metadataApi } from '../../src/protocol/api/03-metadata.ts'
import { Writer } from '../../src/protocol/bytes/writer.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import {
  brokerAddress,
  brokerName,
  type Scene,
  startScene,
  summaryOf,
} from './net-connection-fixture.ts'
import { type FakeRequest, rangesServed, responseFrame, versionsBody } from './net-fake-broker.ts'

/** Responds to each request with its own body, apart from those that want no response. */
const echo = (scene: Scene) => {
  scene.broker.onRequest = (request) => {
    const isSilent = request.rest.toString().startsWith('silent')
    if (!isSilent) scene.broker.respond(request, request.rest)
  }
}

describe('a connection that is ready', () => {
  it('pipelines requests, and delivers the responses in order', async () => {
    const scene = await startScene()
    await scene.ready()
    echo(scene)
    for (const name of ['a', 'b', 'c']) scene.send(name)
    assert.equal(scene.connection.inFlight, 3)
    await scene.clock.advance(10)
    assert.deepEqual(summaryOf(scene.outcomes), ['a: a', 'b: b', 'c: c'])
    assert.deepEqual(
      scene.outcomes.map((outcome) => outcome.atMs),
      [40, 40, 40],
    )
    const ids = scene.broker.payloads.map((request) => request.correlationId)
    assert.deepEqual(ids, [ids[0], ids[0]! + 1, ids[0]! + 2])
    assert.equal(scene.connection.inFlight, 0)
  })

  it('reads responses however they are cut', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const scene = await startScene({ network: { random: seededRandom(seed), pieceBytesMax: 9 } })
      await scene.ready()
      echo(scene)
      for (let index = 0; index < 20; index++) scene.send(`request ${index}`)
      await scene.clock.runUntil(() => scene.outcomes.length === 20, 1_000)
      assert.deepEqual(
        scene.outcomes.map(({ name, body }) => [name, body]),
        Array.from({ length: 20 }, (_, index) => [`request ${index}`, `request ${index}`]),
      )
    }
  })

  it('reads two responses that are cut in two at every place', async () => {
    const frames = Buffer.concat([
      responseFrame(2, Buffer.from('x')),
      responseFrame(3, Buffer.from('yz')),
    ])
    for (let cut = 0; cut <= frames.length; cut++) {
      const scene = await startScene()
      await scene.ready()
      scene.send('a')
      scene.send('b')
      await scene.clock.advance(5)
      const stream = scene.broker.streams[0]!
      stream.write([Buffer.from(frames.subarray(0, cut))])
      await scene.clock.advance(1)
      stream.write([Buffer.from(frames.subarray(cut))])
      await scene.clock.advance(10)
      assert.deepEqual(summaryOf(scene.outcomes), ['a: x', 'b: yz'], `cut at ${cut}`)
    }
  })

  it('skips the tagged fields of a flexible response header', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = (request) =>
      scene.broker.respond(
        request,
        Buffer.concat([Buffer.from([1, 0, 2, 9, 9]), Buffer.from('body')]),
      )
    scene.send('a', { flexible: true, version: 9 })
    await scene.clock.advance(10)
    assert.deepEqual(summaryOf(scene.outcomes), ['a: body'])
    assert.equal(scene.broker.payloads[0]?.rest.toString('latin1'), '\0a')
  })

  it('sends the chunks of a large request as they are, in order', async () => {
    const scene = await startScene()
    await scene.ready()
    const chunks = [Buffer.alloc(20_000, 1), Buffer.alloc(3, 2), Buffer.alloc(20_000, 3)]
    scene.send('large', { chunks })
    await scene.clock.advance(10)
    assert.deepEqual(scene.broker.payloads[0]?.rest, Buffer.concat(chunks))
  })

  it('settles a request without a response once its bytes were written', async () => {
    const scene = await startScene({ network: { windowBytes: 1_000 } })
    await scene.ready()
    echo(scene)
    scene.send('silent', { expectsResponse: false })
    scene.send('large', { expectsResponse: false, chunks: [Buffer.alloc(1_500, 'silent ')] })
    assert.equal(scene.outcomes.length, 0)
    await scene.clock.advance(0)
    assert.deepEqual(summaryOf(scene.outcomes), ['silent: null'])
    assert.equal(scene.connection.inFlight, 1)
    assert.ok(scene.connection.pendingBytes > 0)
    await scene.clock.advance(5)
    assert.deepEqual(summaryOf(scene.outcomes), ['silent: null', 'large: null'])
    scene.send('awaited')
    await scene.clock.advance(10)
    assert.equal(summaryOf(scene.outcomes).at(-1), 'awaited: awaited')
  })

  it('survives callbacks that close it or send from inside', async () => {
    const scene = await startScene()
    await scene.ready()
    echo(scene)
    const { connection } = scene
    scene.send('a', {
      onResponse: () => {
        scene.send('from inside')
        connection.close()
        connection.close()
        scene.send('after close')
      },
    })
    scene.send('b')
    await scene.clock.runUntilIdle()
    // Later requests are refused in a turn of their own; which turn comes first does not matter.
    assert.deepEqual(summaryOf(scene.outcomes).sort(), [
      'after close! CONNECTION_LOST false',
      'b! CONNECTION_LOST true',
      'from inside! CONNECTION_LOST true',
    ])
    assert.deepEqual(scene.closeErrors, [null])
    assert.equal(scene.clock.pendingTimers, 0)
  })

  it('reads nothing more once a callback closed it', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.send('a', { onResponse: () => scene.connection.close() })
    scene.send('b')
    await scene.clock.advance(5)
    const responses = [responseFrame(2, Buffer.from('x')), responseFrame(3, Buffer.from('y'))]
    scene.broker.streams[0]!.write([Buffer.concat(responses)])
    await scene.clock.runUntilIdle()
    assert.deepEqual(summaryOf(scene.outcomes), ['b! CONNECTION_LOST true'])
  })

  it('goes on after a callback that throws', async () => {
    const scene = await startScene()
    await scene.ready()
    echo(scene)
    const fault = new Error('a defect of the owner')
    const throwing = () => {
      throw fault
    }
    scene.send('a', { onResponse: throwing })
    scene.send('silent', { onResponse: throwing, expectsResponse: false })
    scene.send('c')
    await scene.clock.advance(10)
    assert.deepEqual(summaryOf(scene.outcomes), ['c: c'])
    assert.deepEqual(scene.callbackErrors, [fault, fault])
    scene.broker.onRequest = () => {}
    scene.send('d', { onFailure: throwing })
    scene.send('e')
    scene.connection.close()
    await scene.clock.runUntilIdle()
    assert.deepEqual(summaryOf(scene.outcomes), ['c: c', 'e! CONNECTION_LOST true'])
    assert.equal(scene.callbackErrors.length, 3)
    assert.equal(scene.closeErrors.length, 1)
  })

  it('refuses requests before it is ready and after it closed, later, as not written', async () => {
    const scene = await startScene()
    scene.send('early')
    assert.equal(scene.outcomes.length, 0)
    await scene.ready()
    scene.connection.close(new KafkaError('ABORTED', 'enough'))
    scene.send('late')
    assert.equal(scene.outcomes.length, 1)
    await scene.clock.runUntilIdle()
    assert.deepEqual(summaryOf(scene.outcomes), [
      'early! CONNECTION_LOST false',
      'late! ABORTED false',
    ])
    assert.equal(scene.broker.payloads.length, 0)
  })

  it('fails what is in flight with the error that closes it', async () => {
    for (const method of ['close', 'closeAsMalformed'] as const) {
      const scene = await startScene()
      await scene.ready()
      scene.send('a')
      scene.send('b', { expectsResponse: false, chunks: [Buffer.alloc(10)] })
      const error = new KafkaError('MALFORMED_RESPONSE', 'decoded outside')
      scene.connection[method](error)
      assert.equal(scene.connection.state, 'closed')
      assert.equal(scene.outcomes.length, 0)
      await scene.clock.runUntilIdle()
      assert.deepEqual(
        scene.outcomes.map((outcome) => outcome.error),
        [error, error],
      )
      assert.deepEqual(scene.closeErrors, [error])
      assert.equal(scene.events.at(-1), 'closed@30')
    }
  })

  it('names broker, api and cause where the stream breaks under a request', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.send('a')
    await scene.clock.advance(1)
    scene.network.cut(brokerAddress)
    await scene.clock.runUntilIdle()
    assert.deepEqual(summaryOf(scene.outcomes), ['a! CONNECTION_LOST true'])
    const error = scene.outcomes[0]!.error!
    assert.equal(error.api, 'Produce')
    assert.equal(error.broker, brokerName)
    assert.match(
      error.message,
      /broker:9092 \(node 1\) was lost: .*reset by the peer \(ECONNRESET\)/,
    )
    assert.equal((error.cause as { code?: string }).code, 'ECONNRESET')
    assert.equal(scene.closeErrors[0]?.code, 'CONNECTION_LOST')
  })

  it('delivers the responses that arrived before the broker closed', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = (request) => {
      scene.broker.respond(request, Buffer.from('last'))
      scene.clock.setTimer(0, () => request.stream.destroy())
    }
    scene.send('a')
    scene.clock.setTimer(10, () => scene.send('b'))
    await scene.clock.runUntilIdle()
    assert.deepEqual(summaryOf(scene.outcomes), ['a: last', 'b! CONNECTION_LOST true'])
    assert.match(scene.closeErrors[0]!.message, /the broker closed the connection/)
  })

  it('is a hint at acks 0 after a request without a response, and not at SASL', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = ({ stream }) => stream.destroy()
    scene.send('silent', { expectsResponse: false })
    await scene.clock.runUntilIdle()
    assert.match(scene.closeErrors[0]!.message, /with acks 0 a broker closes it at an error/)
    assert.doesNotMatch(scene.closeErrors[0]!.message, /SASL/)
  })
})

describe('a response that does not fit', () => {
  const closedBy = async (respond: (scene: Scene, request: FakeRequest) => void) => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = (request) => {
      if (scene.broker.payloads.length === 2) respond(scene, request)
    }
    scene.send('a')
    scene.send('b')
    await scene.clock.runUntilIdle()
    assert.equal(scene.closeErrors.length, 1)
    assert.equal(scene.closeErrors[0]?.code, 'MALFORMED_RESPONSE')
    assert.match(scene.closeErrors[0].message, /broker:9092 \(node 1\)/)
    assert.equal(scene.clock.pendingTimers, 0)
    return { scene, message: scene.closeErrors[0].message }
  }

  it('closes the connection if it belongs to another request', async () => {
    const { scene, message } = await closedBy((scene, request) =>
      scene.broker.respond(request, Buffer.from('response to b first')),
    )
    assert.match(message, /expected the response to request 2, got the one to 3/)
    assert.deepEqual(summaryOf(scene.outcomes), [
      'a! MALFORMED_RESPONSE true',
      'b! MALFORMED_RESPONSE true',
    ])
  })

  it('closes the connection when no request has its correlation id', async () => {
    const { scene, message } = await closedBy((scene, request) => {
      const frames = [2, 3, 4].map((id) => responseFrame(id, Buffer.from('x')))
      request.stream.write(frames)
      assert.equal(scene.connection.state, 'ready')
    })
    assert.match(message, /5 bytes arrived without a request/)
    assert.deepEqual(summaryOf(scene.outcomes), ['a: x', 'b: x'])
  })

  it('closes the connection if it is too long, of negative size, or too short', async () => {
    for (const [bytes, pattern] of [
      [[0, 1, 0x86, 0xa1], /100001 bytes, and at most 100000/],
      [[0x80, 0, 0, 0], /negative size/],
      [[0, 0, 0, 3, 0, 0, 0], /a response of 3 bytes/],
    ] as const) {
      const { scene, message } = await closedBy((_, request) =>
        request.stream.write([Buffer.from(bytes)]),
      )
      assert.match(message, pattern)
      assert.equal(scene.outcomes.length, 2)
    }
  })

  it('closes the connection if its header is truncated', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = (request) => scene.broker.respond(request, Buffer.alloc(0))
    scene.send('a', { flexible: true })
    await scene.clock.runUntilIdle()
    assert.deepEqual(summaryOf(scene.outcomes), ['a! MALFORMED_RESPONSE true'])
  })

  it('closes no connection otherwise', async () => {
    const scene = await startScene()
    await scene.ready()
    const other = await startScene({ broker: scene.broker, listens: false })
    assert.equal(other.connection.state, 'connecting')
    scene.broker.streams[0]!.write([Buffer.from([0xff, 0xff, 0xff, 0xff])])
    await scene.clock.runUntilIdle()
    assert.equal(scene.connection.state, 'closed')
    assert.equal(other.connection.state, 'connecting')
  })
})

describe('a typed request', () => {
  const metadataResponse = (request: FakeRequest, throttleTimeMs = 0): Uint8Array => {
    const writer = new Writer()
    // The flexible response header's tagged fields.
    writer.writeUnsignedVarint(0)
    metadataApi.encodeResponse(writer, { clusterId: 'mill', throttleTimeMs }, request.version)
    return writer.finish()
  }

  const requester = (scene: Scene) => {
    const responses: (string | null | undefined)[] = []
    const send = () =>
      scene.connection.request(metadataApi, { topics: null }, (error, response) =>
        responses.push(error?.code ?? response?.clusterId),
      )
    return { responses, send }
  }

  it('goes at the highest common version, and is decoded', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = (request) => scene.broker.respond(request, metadataResponse(request))
    const { responses, send } = requester(scene)
    send()
    await scene.clock.advance(10)
    assert.deepEqual(responses, ['mill'])
    assert.equal(scene.broker.payloads[0]?.version, 13)
  })

  it('closes the connection if its response is truncated', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = (request) => {
      const bytes = metadataResponse(request)
      scene.broker.respond(request, bytes.subarray(0, bytes.length - 1))
    }
    const { responses, send } = requester(scene)
    send()
    await scene.clock.runUntilIdle()
    assert.deepEqual(responses, ['MALFORMED_RESPONSE'])
    assert.equal(scene.closeErrors[0]?.code, 'MALFORMED_RESPONSE')
    assert.equal(scene.closeErrors[0].api, 'Metadata')
    assert.match(scene.closeErrors[0].message, /broker:9092 \(node 1\)/)
  })

  // As in Java's client: the mock cluster of librdkafka sends fields of a later version.
  it('ignores bytes behind its response', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = (request) =>
      scene.broker.respond(request, Buffer.concat([metadataResponse(request), Buffer.from([0])]))
    const { responses, send } = requester(scene)
    send()
    await scene.clock.runUntilIdle()
    assert.deepEqual(responses, ['mill'])
    assert.equal(scene.closeErrors.length, 0)
  })

  it('fails later where there is no common version, no connection, or a bad request', async () => {
    const scene = await startScene()
    const { responses, send } = requester(scene)
    scene.broker.onVersions = (request) =>
      scene.broker.respond(
        request,
        versionsBody({ version: request.version, ranges: [[3, 90, 99]] }),
      )
    send()
    await scene.ready()
    send()
    assert.equal(responses.length, 1)
    await scene.clock.advance(1)
    assert.deepEqual(responses, ['CONNECTION_LOST', 'UNSUPPORTED_VERSION'])
    const other = await startScene()
    await other.ready()
    const errors: (KafkaError | null)[] = []
    const wrong = { topics: [{ name: 7 as unknown as string }] }
    other.connection.request(metadataApi, wrong, (error) => errors.push(error))
    assert.equal(errors.length, 0)
    await other.clock.advance(1)
    assert.ok(errors[0] instanceof KafkaError)
    assert.equal(other.connection.state, 'ready')
  })

  it('mutes the connection by the throttle time of its response', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = (request) =>
      scene.broker.respond(request, metadataResponse(request, 300))
    const { send } = requester(scene)
    send()
    await scene.clock.advance(10)
    assert.equal(scene.connection.muted, true)
    await scene.clock.advance(300)
    assert.deepEqual(scene.events, ['ready@30', 'muted@40', 'unmuted@340'])
  })
})

describe('a muted connection', () => {
  it('holds requests, and writes them in order when the time is over', async () => {
    const scene = await startScene()
    await scene.ready()
    echo(scene)
    scene.connection.throttle(200)
    assert.deepEqual(scene.events, ['ready@30'])
    scene.send('a')
    scene.send('b')
    await scene.clock.advance(100)
    assert.deepEqual(scene.events, ['ready@30', 'muted@30'])
    assert.equal(scene.connection.inFlight, 0)
    scene.connection.throttle(50)
    await scene.clock.advance(99)
    assert.equal(scene.broker.payloads.length, 0)
    await scene.clock.advance(11)
    assert.deepEqual(summaryOf(scene.outcomes), ['a: a', 'b: b'])
    assert.deepEqual(scene.events, ['ready@30', 'muted@30', 'unmuted@230'])
    assert.equal(scene.connection.muted, false)
  })

  it('starts the time of a held request when it is written', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.connection.throttle(2_000)
    scene.send('a')
    await scene.clock.runUntil(() => scene.outcomes.length === 1, 10_000)
    assert.deepEqual(summaryOf(scene.outcomes), ['a! REQUEST_TIMEOUT true'])
    assert.equal(scene.outcomes[0]?.atMs, 30 + 2_000 + 500)
  })

  it('fails held requests as not written, after those in flight', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.send('written')
    scene.connection.throttle(200)
    scene.send('held')
    scene.connection.close()
    await scene.clock.runUntilIdle()
    assert.deepEqual(summaryOf(scene.outcomes), [
      'written! CONNECTION_LOST true',
      'held! CONNECTION_LOST false',
    ])
    assert.deepEqual(scene.events, ['ready@30', 'closed@30'])
    assert.equal(scene.clock.pendingTimers, 0)
  })

  it('begins muted where the response to ApiVersions says so', async () => {
    const scene = await startScene({ connection: { negotiation: { versionMax: 2 } } })
    scene.broker.onVersions = (request) =>
      scene.broker.respond(
        request,
        versionsBody({ version: 2, ranges: rangesServed, throttleTimeMs: 100 }),
      )
    await scene.ready()
    assert.equal(scene.connection.muted, true)
    await scene.clock.advance(100)
    assert.deepEqual(scene.events, ['ready@20', 'muted@20', 'unmuted@120'])
  })
})
