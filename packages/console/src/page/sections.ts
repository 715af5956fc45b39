// Draws a view into the sections of the page: the sentence, the figures, the tables, the errors.

import { counted, formatAgo, formatBytes, formatCount, formatMs, formatRate } from '../format.ts'
import type { BrokerRow, FaultKind, FaultRow, PartitionRow, Status, View } from '../view.ts'
import {
  byId,
  type Cell,
  fill,
  fillRows,
  fillTerms,
  make,
  setLevel,
  setOptional,
  setText,
} from './dom.ts'

let spokenTopic = ''

/** A screen reader hears of it when something else is said, and not when a number changes. */
const speak = ({ level, topic, sentence, remedy }: Status): void => {
  if (topic === spokenTopic) return
  const isNews = spokenTopic !== '' || level === 'bad'
  spokenTopic = topic
  if (isNews) setText(byId('spoken'), [sentence, remedy ?? ''].join(' ').trim())
}

export const drawStatus = (status: Status): void => {
  setLevel(byId('status'), status.level)
  setText(byId('sentence'), status.sentence)
  setOptional(byId('detail'), status.detail)
  setOptional(byId('remedy'), status.remedy)
  speak(status)
}

/** The server does not answer: the page keeps what it has, and says so. */
export const drawGone = (lastAt: number | null): void => {
  setLevel(byId('status'), 'gone')
  const since = lastAt === null ? '' : ` These figures are of ${clockTime(lastAt)}.`
  setText(byId('sentence'), `The console is gone: its process does not answer.${since}`)
  setOptional(byId('detail'), 'The page goes on asking, and comes back when it does.')
  setOptional(byId('remedy'), null)
  if (spokenTopic !== 'gone') setText(byId('spoken'), 'The console is gone.')
  spokenTopic = 'gone'
}

const clockTime = (at: number): string => new Date(at).toLocaleTimeString([], { hourCycle: 'h23' })

const isFailing = ({ ready, error }: BrokerRow): boolean => !ready && error !== null

const drawFigures = ({ samples, totals, buffer, requestsInFlight, brokers }: View): void => {
  const last = samples.at(-1)
  const { totalBytes, batchBytesMax, batchBytes, waitingBytes, waitingSends } = buffer
  const share = Math.min(1, Math.max(batchBytes / batchBytesMax, waitingBytes / totalBytes))
  const ready = brokers.filter((broker) => broker.ready).length
  fillTerms(byId('figures'), [
    {
      name: 'Records in',
      value: `${formatRate(last?.recordsIn ?? 0)} /s`,
      note: `${formatBytes(last?.bytesIn ?? 0)}/s`,
    },
    {
      name: 'Records acked',
      value: `${formatRate(last?.recordsAcked ?? 0)} /s`,
      note: `${formatBytes(last?.bytesAcked ?? 0)}/s`,
    },
    {
      name: 'Failed',
      value: formatCount(totals.recordsFailed),
      note: `of ${counted(totals.recordsIn, 'record')}`,
      level: totals.recordsFailed > 0 ? 'bad' : '',
    },
    {
      name: 'Buffer in use',
      value: `${formatCount(share * 100)} %`,
      note:
        waitingSends > 0
          ? `${counted(waitingSends, 'call')} in line`
          : `${formatBytes(batchBytes)} of ${formatBytes(batchBytesMax)}`,
    },
    {
      name: 'In flight',
      value: formatCount(requestsInFlight),
      note: requestsInFlight === 1 ? 'request' : 'requests',
    },
    {
      name: 'Brokers connected',
      value: formatCount(ready),
      note: `of ${formatCount(brokers.length)}`,
      level: brokers.some(isFailing) ? 'bad' : '',
    },
  ])
}

const drawTimes = ({ times }: View): void => {
  const number = (count: number, value: number): Cell => ({
    text: count === 0 ? '–' : formatMs(value),
    isNumber: true,
  })
  fillRows(
    byId('times'),
    times.map(({ name, meaning, count, avg, p50, p99, max }) => [
      { text: name, minor: meaning },
      ...[avg, p50, p99, max].map((value) => number(count, value)),
    ]),
  )
}

const brokerState = ({ ready, error }: BrokerRow): Cell => {
  if (ready) return { text: 'Connected' }
  if (error === null) return { text: 'Not connected', level: 'quiet' }
  return { text: 'Not connected', minor: error, level: 'bad' }
}

const drawBrokers = ({ brokers }: View): void => {
  fillRows(
    byId('brokers'),
    brokers.map((broker) => [
      { text: `Node ${broker.nodeId}`, minor: broker.address },
      brokerState(broker),
      {
        text: formatCount(broker.requestsInFlight),
        minor: `${formatCount(broker.requests)} sent`,
        isNumber: true,
      },
      {
        text: broker.latencyMaxMs === 0 ? '–' : formatMs(broker.latencyMs),
        minor: broker.latencyMaxMs === 0 ? undefined : `max ${formatMs(broker.latencyMaxMs)}`,
        isNumber: true,
      },
    ]),
  )
}

const stateWords: Readonly<Record<PartitionRow['state'], string>> = {
  'no leader': 'No leader',
  retrying: 'Retrying',
  'in flight': 'In flight',
  queued: 'Queued',
  idle: 'Idle',
}

const partitionState = ({ state, error }: PartitionRow): Cell => {
  const text = stateWords[state]
  if (state === 'no leader' || state === 'retrying') {
    return { text, minor: error ?? undefined, level: 'bad' }
  }
  return state === 'idle' ? { text, level: 'quiet' } : { text }
}

const drawPartitions = ({ partitions: { rows, matching, total } }: View): void => {
  const number = (text: string): Cell => ({ text, isNumber: true })
  fillRows(
    byId('partitions'),
    rows.map((row) => [
      { text: `${row.topic}-${row.partition}` },
      partitionState(row),
      number(row.leaderId < 0 ? 'none' : `node ${row.leaderId}`),
      number(`${formatRate(row.recordsAcked)} /s`),
      number(`${formatBytes(row.bytesAcked)}/s`),
      number(formatCount(row.recordsHeld)),
      number(formatCount(row.batchesWaiting)),
      number(formatCount(row.batchesInFlight)),
    ]),
  )
  const all = counted(total, 'partition')
  const some = matching < total ? `${formatCount(matching)} of ${all}` : all
  const isCut = rows.length < matching
  setText(byId('partition-count'), isCut ? `The ${rows.length} busiest of ${some}` : some)
}

const faultWords: Readonly<Record<FaultKind, (count: string) => string>> = {
  failed: (count) => `${count} failed`,
  retried: () => 'is being retried',
  disconnected: (count) => `${count} lost or refused`,
  unanswered: (count) => `${count} without an answer`,
  transaction: (count) => `${count} failed`,
}

const faultNouns: Readonly<Record<FaultKind, string>> = {
  failed: 'record',
  retried: 'batch',
  disconnected: 'connection',
  unanswered: 'request',
  transaction: 'transaction',
}

const placesText = ({ places, placeCount }: FaultRow): string => {
  if (placeCount === 0) return ''
  const others = placeCount - places.length
  return ` on ${places.join(', ')}${others > 0 ? ` and ${formatCount(others)} more` : ''}`
}

/** It still goes on, or did a moment ago. */
const presentMs = 2500

const drawFaults = ({ faults, at }: View): void => {
  setOptional(byId('no-faults'), faults.length === 0 ? 'None so far.' : null)
  const create = (): HTMLElement => {
    const item = make('li')
    const what = make('p', 'what')
    what.append(make('b'), make('span'))
    item.append(what, make('p', 'when'), make('p', 'message'), make('p', 'remedy'))
    return item
  }
  fill(byId('faults'), faults, create, (item, fault) => {
    const [what, when, message, remedy] = item.children as unknown as HTMLElement[]
    const [code, rest] = what!.children as unknown as [HTMLElement, HTMLElement]
    const agoMs = at - fault.lastAt
    const isPresent = agoMs < presentMs
    const present = fault.kind === 'failed' ? 'bad' : 'warning'
    setLevel(item, isPresent ? present : 'quiet')
    setText(code, fault.code)
    const count = counted(fault.count ?? 0, faultNouns[fault.kind])
    const words =
      isPresent || fault.kind !== 'retried' ? faultWords[fault.kind](count) : 'was retried'
    setText(rest, `${placesText(fault)}: ${words}`)
    setText(when!, formatAgo(agoMs))
    setText(message!, fault.message)
    setText(remedy!, fault.remedy)
  })
}

const drawTotals = ({ totals }: View): void => {
  const terms = [
    { name: 'Records in', value: formatCount(totals.recordsIn) },
    { name: 'Records acked', value: formatCount(totals.recordsAcked) },
    { name: 'Bytes acked', value: formatBytes(totals.bytesAcked) },
    { name: 'Records failed', value: formatCount(totals.recordsFailed) },
    { name: 'Records sent again', value: formatCount(totals.recordsRetried) },
    { name: 'Requests', value: formatCount(totals.requests) },
    { name: 'Batches retried', value: formatCount(totals.retries) },
    { name: 'Batches split', value: formatCount(totals.splits) },
    { name: 'Connections opened', value: formatCount(totals.connectionsOpened) },
    { name: 'Connections failed', value: formatCount(totals.connectionFailures) },
  ]
  if (totals.transactionsBegun > 0) {
    terms.push(
      { name: 'Transactions committed', value: formatCount(totals.transactionsCommitted) },
      { name: 'Transactions aborted', value: formatCount(totals.transactionsAborted) },
    )
  }
  fillTerms(byId('totals'), terms)
}

/** Everything but the charts. */
export const drawView = (view: View): void => {
  setText(byId('client'), view.clientId)
  setText(byId('clock'), clockTime(view.at))
  drawStatus(view.status)
  drawFigures(view)
  drawFaults(view)
  drawBrokers(view)
  drawTimes(view)
  drawPartitions(view)
  drawTotals(view)
}
