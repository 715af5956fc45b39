// Sends a server everything that a client may send, rightly and wrongly, while it authenticates:
// each question on a connection of its own. What the server says comes back as texts to compare.

import assert from 'node:assert/strict'
import { metadataApi } from '../../src/protocol/api/03-metadata.ts'
import { saslHandshakeApi } from '../../src/protocol/api/17-sasl-handshake.ts'
import { apiVersionsApi } from '../../src/protocol/api/18-api-versions.ts'
import { initProducerIdApi } from '../../src/protocol/api/22-init-producer-id.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import type { RawClient } from '../unit/in-process-cluster-kit.ts'
import {
  authenticate,
  bearerToken,
  chooseMechanism,
  logInPlainly,
  plainToken,
  scram,
  software,
  unsecuredToken,
} from '../unit/in-process-cluster-sasl-kit.ts'
import { otherUser, password, type SecureListener, user } from './fixture/secure-kafka.ts'

interface Question {
  readonly name: string
  readonly listener: SecureListener
  /** The responses that count. */
  run(client: RawClient): Promise<readonly Promise<object>[]>
}

/** What came of an attempt, as a text: an error's number and words, or that it was closed. */
const outcomeOf = async (response: Promise<object>): Promise<string> => {
  try {
    const fields = (await response) as Record<string, unknown>
    const { errorCode, errorMessage, mechanisms, authBytes } = fields
    const bytes = authBytes === undefined ? undefined : Buffer.from(authBytes as Uint8Array)
    const names = mechanisms && [...(mechanisms as string[])].sort()
    return JSON.stringify([errorCode, errorMessage, names, bytes?.toString()])
  } catch (error) {
    return (error as Error).message
  }
}

const handshake = (client: RawClient, mechanism = 'PLAIN') =>
  client.request(saslHandshakeApi, 1, { mechanism })

const plainQuestions = (): Question[] => {
  const tokens = {
    'the right password': plainToken(user, password),
    'a wrong password': plainToken(user, 'wrong'),
    'an unknown user': plainToken('unknown-user', 'wrong'),
    'no user': plainToken('', 'wrong'),
    'no password': plainToken(user, ''),
    'another authorization id': plainToken(user, password, otherUser),
    'too few parts': Buffer.from(user),
    'too many parts': Buffer.from('a\0b\0c\0d'),
    nothing: Buffer.alloc(0),
  }
  return Object.entries(tokens).map(([name, token]) => ({
    name: `PLAIN, ${name}`,
    listener: 'OPENPLAIN',
    run: async (client) => {
      await chooseMechanism(client, 'PLAIN')
      return [authenticate(client, token)]
    },
  }))
}

const scramQuestions = (hash: 'sha256' | 'sha512'): Question[] => {
  const mechanism = hash === 'sha256' ? 'SCRAM-SHA-256' : 'SCRAM-SHA-512'
  const known = { hash, user, password }
  const logins = {
    'a wrong password': { ...known, password: 'wrong' },
    'an unknown user': { ...known, user: 'unknown-user' },
    'another nonce': { ...known, spoil: (text: string) => text.replace(',r=c', ',r=C') },
    'a spoilt proof': { ...known, spoil: (text: string) => text.replace(/p=.{8}/, 'p=AAAAAAAA') },
    nonsense: { ...known, spoil: () => 'nonsense' },
  }
  const firsts = {
    'another authorization id': `n,a=bob,n=${user},r=nonce`,
    'a channel binding': `y,,n=${user},r=nonce`,
    'no nonce': `n,,n=${user}`,
    nothing: '',
  }
  return [
    ...Object.entries(logins).map(([name, login]) => ({
      name,
      run: (client: RawClient): Promise<object> => scram(client, login),
    })),
    ...Object.entries(firsts).map(([name, first]) => ({
      name,
      run: (client: RawClient): Promise<object> => authenticate(client, Buffer.from(first)),
    })),
  ].map(({ name, run }) => ({
    name: `${mechanism}, ${name}`,
    listener: 'SCRAM',
    run: async (client) => {
      await chooseMechanism(client, mechanism)
      return [run(client)]
    },
  }))
}

const tokenQuestions = (): Question[] => {
  const nowSeconds = Math.floor(systemClock.wallTime() / 1000)
  const soon = nowSeconds + 600
  const tokens = {
    good: bearerToken(unsecuredToken({ sub: user, exp: soon })),
    'of the past': bearerToken(unsecuredToken({ sub: user, exp: nowSeconds - 600 })),
    'without an end': bearerToken(unsecuredToken({ sub: user })),
    'without a subject': bearerToken(unsecuredToken({ exp: soon })),
    'of another user': bearerToken(unsecuredToken({ sub: user, exp: soon }), 'bob'),
    'that is none': bearerToken('none'),
    'in no shape': Buffer.from('hello'),
  }
  return Object.entries(tokens).map(([name, token]) => ({
    name: `OAUTHBEARER, a token ${name}`,
    listener: 'OAUTH',
    run: async (client) => {
      await chooseMechanism(client, 'OAUTHBEARER')
      const first = await authenticate(client, token)
      const isChallenged = first.errorCode === 0 && first.authBytes.length > 0
      const responses = [Promise.resolve(first)]
      return isChallenged ? [...responses, authenticate(client, Buffer.from([1]))] : responses
    },
  }))
}

const momentQuestions: readonly Question[] = [
  {
    name: 'an unknown mechanism',
    listener: 'OPENPLAIN',
    run: async (client) => [handshake(client, 'ROT13')],
  },
  {
    name: 'metadata before all',
    listener: 'OPENPLAIN',
    run: async (client) => [client.request(metadataApi, 12, { topics: [] })],
  },
  {
    name: 'versions twice',
    listener: 'OPENPLAIN',
    run: async (client) => {
      await client.request(apiVersionsApi, 3, software)
      return [client.request(apiVersionsApi, 3, software)]
    },
  },
  {
    name: 'the handshake twice',
    listener: 'OPENPLAIN',
    run: async (client) => {
      await chooseMechanism(client, 'PLAIN')
      return [handshake(client)]
    },
  },
  {
    name: 'another request in place of a token',
    listener: 'OPENPLAIN',
    run: async (client) => {
      await chooseMechanism(client, 'PLAIN')
      const request = { transactionalId: null, transactionTimeoutMs: 1000 }
      return [client.request(initProducerIdApi, 3, request)]
    },
  },
  {
    name: 'once more when it is done',
    listener: 'OPENPLAIN',
    run: async (client) => {
      await logInPlainly(client, user, password)
      return [handshake(client), authenticate(client, plainToken(user, password))]
    },
  },
]

const sessionQuestions: readonly Question[] = [
  {
    name: 'again as the same user, and too soon after that',
    listener: 'REAUTH',
    run: async (client) => {
      const { sessionLifetimeMs } = await logInPlainly(client, user, password)
      assert.equal(sessionLifetimeMs, 3000)
      await handshake(client)
      return [authenticate(client, plainToken(user, password)), handshake(client)]
    },
  },
  {
    name: 'again as another user',
    listener: 'REAUTH',
    run: async (client) => {
      await logInPlainly(client, user, password)
      await handshake(client)
      return [authenticate(client, plainToken(otherUser, password))]
    },
  },
  {
    name: 'again with a wrong password',
    listener: 'REAUTH',
    run: async (client) => {
      await logInPlainly(client, user, password)
      await handshake(client)
      return [authenticate(client, plainToken(user, 'wrong'))]
    },
  },
]

/** All results, by the questions' names. */
export const interview = async (
  connect: (listener: SecureListener) => RawClient,
): Promise<Record<string, readonly string[]>> => {
  const questions = [
    ...plainQuestions(),
    ...scramQuestions('sha256'),
    ...scramQuestions('sha512'),
    ...tokenQuestions(),
    ...momentQuestions,
    ...sessionQuestions,
  ]
  const said = questions.map(async ({ name, listener, run }) => {
    const client = connect(listener)
    const responses = await run(client)
    const outcomes = await Promise.all(responses.map(outcomeOf))
    client.close()
    return [name, outcomes] as const
  })
  return Object.fromEntries(await Promise.all(said))
}
