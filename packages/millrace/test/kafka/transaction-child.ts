// The process that transactions-atomic.test.ts kills: it runs its transactions one after the other,
// says what became of each, and says where it is to be killed, without waiting for it.

import { KafkaError, Producer, type Transaction } from '../../src/index.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import {
  type ChildMessage,
  type ChildTask,
  killOf,
  planOf,
  type RecordMark,
  type TransactionPlan,
} from './transaction-plan.ts'

const tell = (message: ChildMessage): void => {
  process.send!(message)
}

class Runner {
  readonly #task: ChildTask
  readonly #producer: Producer

  constructor(task: ChildTask) {
    this.#task = task
    const { brokers, transactionalId } = task
    this.#producer = new Producer({ brokers, transactionalId, logger: silentLogger })
  }

  async run(): Promise<void> {
    const { from, to } = this.#task
    for (let number = from; number < to; number++) await this.#transact(number)
    const { delivered } = await this.#producer.close()
    tell({ kind: 'done', delivered })
  }

  async #transact(number: number): Promise<void> {
    const { seed, topicPrefix } = this.#task
    const plan = planOf(seed, number, topicPrefix)
    tell({ kind: 'begun', number, total: plan.records.length })
    if (plan.way === 'handle') await this.#byHandle(number, plan)
    else await this.#byFunction(number, plan)
    tell({ kind: plan.abortAfter === null ? 'committed' : 'aborted', number })
  }

  async #byHandle(number: number, plan: TransactionPlan): Promise<void> {
    const transaction = await this.#producer.beginTransaction()
    await this.#send(number, plan, transaction)
    this.#mayDie(number, 'ending')
    if (plan.abortAfter === null) await transaction.commit()
    else await transaction.abort()
  }

  async #byFunction(number: number, plan: TransactionPlan): Promise<void> {
    const mine = new Error('changed my mind')
    try {
      await this.#producer.transaction(async (transaction) => {
        await this.#send(number, plan, transaction)
        this.#mayDie(number, 'ending')
        if (plan.abortAfter !== null) throw mine
      })
    } catch (error) {
      if (error !== mine) throw error
    }
  }

  async #send(number: number, plan: TransactionPlan, transaction: Transaction): Promise<void> {
    const records = this.#recordsOf(number, plan)
    if (plan.sending === 'sendBatch') {
      const sent = transaction.sendBatch(records)
      this.#mayDie(number, 'sending')
      // An abort need not wait for what it drops.
      if (plan.abortAfter === null) await sent
      return
    }
    for (const [index, record] of records.entries()) {
      if (index === records.length >> 1) this.#mayDie(number, 'sending')
      if (plan.sending === 'enqueue') {
        if (!transaction.enqueue(record)) throw new Error('there should be space')
      } else {
        const sent = transaction.send(record)
        if (index % 4 === 0) await sent
        else sent.catch(() => {})
      }
    }
  }

  #recordsOf(number: number, { records, abortAfter }: TransactionPlan) {
    const { transactionalId: id, process: processIndex } = this.#task
    const total = records.length
    return records.slice(0, abortAfter ?? total).map(({ topic, partition }, index) => {
      const mark: RecordMark = { id, process: processIndex, number, index, total }
      return { topic, partition, value: JSON.stringify(mark) }
    })
  }

  #mayDie(number: number, point: 'sending' | 'ending'): void {
    const { seed, kills } = this.#task
    if (!kills.includes(number)) return
    const kill = killOf(seed, number)
    if (kill.point === point) tell({ kind: 'kill', number, delayMs: kill.delayMs })
  }
}

// Started early, it waits for its task: then a new process takes over in no time.
process.once('message', (task: ChildTask) => {
  new Runner(task).run().then(
    () => process.disconnect(),
    (error: unknown) => {
      const text = error instanceof KafkaError ? `${error.code}: ${error.message}` : String(error)
      tell({ kind: 'failed', number: -1, error: text })
      process.exitCode = 1
      process.disconnect()
    },
  )
})
tell({ kind: 'ready' })
