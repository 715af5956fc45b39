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
  told,
} from './net-connection-fixture.ts'
import { answerFrame, type FakeRequest, rangesServed, versionsBody } from './net-fake-broker.ts'

/** Answers each request with its own body, apart from those that want no answer. */
const echo = (scene: Scene) => {
  scene.broker.onRequest = (request) => {
    const isSilent = request.rest.toString().startsWith('silent')
    if (!isSilent) scene.broker.answer(request, request.rest)
  }
}

describe('a connection that is ready', () => {
  it('pipelines requests, and answers each in order', async () => {
    const scene = await startScene()
    await scene.ready()
    echo(scene)
    for (const name of ['a', 'b', 'c']) scene.send(name)
    assert.equal(scene.connection.inFlight, 3)
    await scene.clock.advance(10)
    assert.deepEqual(told(scene.outcomes), ['a: a', 'b: b', 'c: c'])
    assert.deepEqual(
      scene.outcomes.map((outcome) => outcome.atMs),
      [40, 40, 40],
    )
    const ids = scene.broker.payloads.map((request) => request.correlationId)
    assert.deepEqual(ids, [ids[0], ids[0]! + 1, ids[0]! + 2])
    assert.equal(scene.connection.inFlight, 0)
  })

  it('reads answers however they are cut', async () => {
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

  it('reads two answers that are cut in two at every place', async () => {
    const frames = Buffer.concat([
      answerFrame(2, Buffer.from('x')),
      answerFrame(3, Buffer.from('yz')),
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
      assert.deepEqual(told(scene.outcomes), ['a: x', 'b: yz'], `cut at ${cut}`)
    }
  })

  it('skips the tagged fields of a flexible answer header', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = (request) =>
      scene.broker.answer(
        request,
        Buffer.concat([Buffer.from([1, 0, 2, 9, 9]), Buffer.from('body')]),
      )
    scene.send('a', { flexible: true, version: 9 })
    await scene.clock.advance(10)
    assert.deepEqual(told(scene.outcomes), ['a: body'])
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

  it('settles a request without an answer once its bytes were taken', async () => {
    const scene = await startScene({ network: { windowBytes: 1_000 } })
    await scene.ready()
    echo(scene)
    scene.send('silent', { expectsResponse: false })
    scene.send('large', { expectsResponse: false, chunks: [Buffer.alloc(1_500, 'silent ')] })
    assert.equal(scene.outcomes.length, 0)
    await scene.clock.advance(0)
    assert.deepEqual(told(scene.outcomes), ['silent: null'])
    assert.equal(scene.connection.inFlight, 1)
    assert.ok(scene.connection.pendingBytes > 0)
    await scene.clock.advance(5)
    assert.deepEqual(told(scene.outcomes), ['silent: null', 'large: null'])
    scene.send('answered')
    await scene.clock.advance(10)
    assert.equal(told(scene.outcomes).at(-1), 'answered: answered')
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
    assert.deepEqual(told(scene.outcomes).sort(), [
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
    const answers = [answerFrame(2, Buffer.from('x')), answerFrame(3, Buffer.from('y'))]
    scene.broker.streams[0]!.write([Buffer.concat(answers)])
    await scene.clock.runUntilIdle()
    assert.deepEqual(told(scene.outcomes), ['b! CONNECTION_LOST true'])
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
    assert.deepEqual(told(scene.outcomes), ['c: c'])
    assert.deepEqual(scene.callbackErrors, [fault, fault])
    scene.broker.onRequest = () => {}
    scene.send('d', { onFailure: throwing })
    scene.send('e')
    scene.connection.close()
    await scene.clock.runUntilIdle()
    assert.deepEqual(told(scene.outcomes), ['c: c', 'e! CONNECTION_LOST true'])
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
    assert.deepEqual(told(scene.outcomes), ['early! CONNECTION_LOST false', 'late! ABORTED false'])
    assert.equal(scene.broker.payloads.length, 0)
  })

  it('fails what is in flight with the error that it is closed or poisoned with', async () => {
    for (const method of ['close', 'poison'] as const) {
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
    assert.deepEqual(told(scene.outcomes), ['a! CONNECTION_LOST true'])
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

  it('delivers the answers that arrived before the broker closed', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = (request) => {
      scene.broker.answer(request, Buffer.from('last'))
      scene.clock.setTimer(0, () => request.stream.destroy())
    }
    scene.send('a')
    scene.clock.setTimer(10, () => scene.send('b'))
    await scene.clock.runUntilIdle()
    assert.deepEqual(told(scene.outcomes), ['a: last', 'b! CONNECTION_LOST true'])
    assert.match(scene.closeErrors[0]!.message, /the broker closed the connection/)
  })
})

describe('an answer that does not fit', () => {
  const poisonedBy = async (answer: (scene: Scene, request: FakeRequest) => void) => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = (request) => {
      if (scene.broker.payloads.length === 2) answer(scene, request)
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

  it('poisons the connection where it answers another request', async () => {
    const { scene, message } = await poisonedBy((scene, request) =>
      scene.broker.answer(request, Buffer.from('b answered first')),
    )
    assert.match(message, /expected the answer to request 2, and got the one to 3/)
    assert.deepEqual(told(scene.outcomes), [
      'a! MALFORMED_RESPONSE true',
      'b! MALFORMED_RESPONSE true',
    ])
  })

  it('poisons the connection where nobody asked', async () => {
    const { scene, message } = await poisonedBy((scene, request) => {
      const frames = [2, 3, 4].map((id) => answerFrame(id, Buffer.from('x')))
      request.stream.write(frames)
      assert.equal(scene.connection.state, 'ready')
    })
    assert.match(message, /5 bytes arrived that nobody asked for/)
    assert.deepEqual(told(scene.outcomes), ['a: x', 'b: x'])
  })

  it('poisons the connection where it is too long, of negative size, or too short', async () => {
    for (const [bytes, words] of [
      [[0, 1, 0x86, 0xa1], /100001 bytes, and at most 100000/],
      [[0x80, 0, 0, 0], /negative size/],
      [[0, 0, 0, 3, 0, 0, 0], /an answer of 3 bytes/],
    ] as const) {
      const { scene, message } = await poisonedBy((_, request) =>
        request.stream.write([Buffer.from(bytes)]),
      )
      assert.match(message, words)
      assert.equal(scene.outcomes.length, 2)
    }
  })

  it('poisons the connection where its header is cut short', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = (request) => scene.broker.answer(request, Buffer.alloc(0))
    scene.send('a', { flexible: true })
    await scene.clock.runUntilIdle()
    assert.deepEqual(told(scene.outcomes), ['a! MALFORMED_RESPONSE true'])
  })

  it('poisons nothing else', async () => {
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
  const metadataAnswer = (request: FakeRequest, throttleTimeMs = 0): Uint8Array => {
    const writer = new Writer()
    // The flexible answer header's tagged fields.
    writer.writeUnsignedVarint(0)
    metadataApi.encodeResponse(writer, { clusterId: 'mill', throttleTimeMs }, request.version)
    return writer.finish()
  }

  const ask = (scene: Scene) => {
    const answers: (string | null | undefined)[] = []
    const ask = () =>
      scene.connection.request(metadataApi, { topics: null }, (error, response) =>
        answers.push(error?.code ?? response?.clusterId),
      )
    return { answers, ask }
  }

  it('goes at the highest common version, and is decoded', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = (request) => scene.broker.answer(request, metadataAnswer(request))
    const { answers, ask: send } = ask(scene)
    send()
    await scene.clock.advance(10)
    assert.deepEqual(answers, ['mill'])
    assert.equal(scene.broker.payloads[0]?.version, 13)
  })

  it('poisons the connection where its answer is cut short or has bytes left over', async () => {
    for (const spoil of [
      (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1),
      (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.from([0])]),
    ]) {
      const scene = await startScene()
      await scene.ready()
      scene.broker.onRequest = (request) =>
        scene.broker.answer(request, spoil(metadataAnswer(request)))
      const { answers, ask: send } = ask(scene)
      send()
      await scene.clock.runUntilIdle()
      assert.deepEqual(answers, ['MALFORMED_RESPONSE'])
      assert.equal(scene.closeErrors[0]?.code, 'MALFORMED_RESPONSE')
      assert.equal(scene.closeErrors[0].api, 'Metadata')
      assert.match(scene.closeErrors[0].message, /broker:9092 \(node 1\)/)
    }
  })

  it('fails later where there is no common version, no connection, or a bad request', async () => {
    const scene = await startScene()
    const { answers, ask: send } = ask(scene)
    scene.broker.onVersions = (request) =>
      scene.broker.answer(
        request,
        versionsBody({ version: request.version, ranges: [[3, 90, 99]] }),
      )
    send()
    await scene.ready()
    send()
    assert.equal(answers.length, 1)
    await scene.clock.advance(1)
    assert.deepEqual(answers, ['CONNECTION_LOST', 'UNSUPPORTED_VERSION'])
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

  it('mutes the connection by the throttle time of its answer', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.broker.onRequest = (request) => scene.broker.answer(request, metadataAnswer(request, 300))
    const { ask: send } = ask(scene)
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
    assert.deepEqual(told(scene.outcomes), ['a: a', 'b: b'])
    assert.deepEqual(scene.events, ['ready@30', 'muted@30', 'unmuted@230'])
    assert.equal(scene.connection.muted, false)
  })

  it('starts the time of a held request when it is written', async () => {
    const scene = await startScene()
    await scene.ready()
    scene.connection.throttle(2_000)
    scene.send('a')
    await scene.clock.runUntil(() => scene.outcomes.length === 1, 10_000)
    assert.deepEqual(told(scene.outcomes), ['a! REQUEST_TIMEOUT true'])
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
    assert.deepEqual(told(scene.outcomes), [
      'written! CONNECTION_LOST true',
      'held! CONNECTION_LOST false',
    ])
    assert.deepEqual(scene.events, ['ready@30', 'closed@30'])
    assert.equal(scene.clock.pendingTimers, 0)
  })

  it('begins muted where the answer to ApiVersions says so', async () => {
    const scene = await startScene({ connection: { apiVersionsVersionMax: 2 } })
    scene.broker.onVersions = (request) =>
      scene.broker.answer(
        request,
        versionsBody({ version: 2, ranges: rangesServed, throttleTimeMs: 100 }),
      )
    await scene.ready()
    assert.equal(scene.connection.muted, true)
    await scene.clock.advance(100)
    assert.deepEqual(scene.events, ['ready@20', 'muted@20', 'unmuted@120'])
  })
})
