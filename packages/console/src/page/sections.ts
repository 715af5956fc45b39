// Draws a view into the page's sections except the charts: the status sentence, the figures, the
// tables, and the errors. It keeps only the last announced topic. Caller: main.ts.

import { counted, formatAgo, formatBytes, formatCount, formatMs, formatRate } from '../format.ts'
import type {
  BatchState,
  BrokerRow,
  FaultKind,
  FaultRow,
  PartitionRow,
  Status,
  View,
} from '../view.ts'
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
  type Term,
} from './dom.ts'

let announcedTopic = ''

/**
 * Updates the text for screen readers only if the meaning changes, not if only a number changes.
 */
const announce = ({ level, topic, sentence, remedy }: Status): void => {
  if (topic === announcedTopic) return
  const isChanged = announcedTopic !== '' || level === 'bad'
  announcedTopic = topic
  if (isChanged) setText(byId('spoken'), [sentence, remedy ?? ''].join(' ').trim())
}

export const drawStatus = (status: Status): void => {
  setLevel(byId('status'), status.level)
  setText(byId('sentence'), status.sentence)
  setOptional(byId('detail'), status.detail)
  setOptional(byId('remedy'), status.remedy)
  announce(status)
}

/** Shows that the server does not respond; the page keeps its last values. */
export const drawGone = (lastAt: number | null): void => {
  setLevel(byId('status'), 'gone')
  const since = lastAt === null ? '' : ` These figures are of ${clockTime(lastAt)}.`
  setText(byId('sentence'), `The console has stopped: its process does not respond.${since}`)
  setOptional(byId('detail'), 'The page retries, and continues when the console responds.')
  setOptional(byId('remedy'), null)
  if (announcedTopic !== 'gone') setText(byId('spoken'), 'The console has stopped.')
  announcedTopic = 'gone'
}

const clockTime = (at: number): string => new Date(at).toLocaleTimeString([], { hourCycle: 'h23' })

const isFailing = ({ ready, error }: BrokerRow): boolean => !ready && error !== null

/** A longer delay of the event loop is a warning: sending waits and time limits pass meanwhile. */
const delayWarningMs = 100

const batchFigure = (batches: BatchState | null): Term => {
  if (batches === null) return { name: 'Batch fill', value: '–', note: 'no batch yet' }
  const { recordBytes, bytesMax } = batches
  if (bytesMax === null)
    return { name: 'Batch size', value: formatBytes(recordBytes), note: 'mean' }
  return {
    name: 'Batch fill',
    value: `${formatCount(Math.min(1, recordBytes / bytesMax) * 100)} %`,
    note: `${formatBytes(recordBytes)} of ${formatBytes(bytesMax)}`,
  }
}

const compressionFigure = ({ batches, options }: View): Term => {
  const name = 'Compressed to'
  if (options.compression === 'none') return { name, value: 'off', note: 'option compression' }
  const value = batches === null ? '–' : `${formatCount(batches.compressionRate * 100)} %`
  return { name, value, note: String(options.compression ?? 'of the records') }
}

const requestFigure = ({ times }: View): Term => {
  const { count = 0, p50 = 0, p99 = 0 } = times.find(({ name }) => name === 'Request') ?? {}
  const value = count === 0 ? '–' : formatMs(p99)
  const note = count === 0 ? 'no response yet' : `p50 ${formatMs(p50)}`
  return { name: 'Request p99', value, note }
}

const drawFigures = (view: View): void => {
  const { samples, totals, buffer, requestsInFlight, brokers } = view
  const { batches, eventLoopDelayMs } = view
  const last = samples.at(-1)
  const { totalBytes, batchBytes, waitingBytes, waitingSends } = buffer
  const ready = brokers.filter((broker) => broker.ready).length
  const isWaiting = waitingSends > 0
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
    requestFigure(view),
    {
      name: 'Event loop delay',
      value: formatMs(eventLoopDelayMs),
      note: 'longest lately',
      level: eventLoopDelayMs >= delayWarningMs ? 'warning' : '',
    },
    {
      name: 'Buffer in use',
      value: formatBytes(batchBytes + waitingBytes),
      note: isWaiting
        ? `${counted(waitingSends, 'call')} waiting`
        : `of ${formatBytes(totalBytes)}`,
    },
    {
      name: 'In flight',
      value: formatCount(requestsInFlight),
      note: requestsInFlight === 1 ? 'request' : 'requests',
    },
    batchFigure(batches),
    compressionFigure(view),
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

const brokerState = ({ ready, error, isSlow }: BrokerRow): Cell => {
  if (ready && isSlow) return { text: 'Connected', minor: 'slow', level: 'warning' }
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
        level: broker.isSlow ? 'warning' : '',
      },
    ]),
  )
}

const stateTexts: Readonly<Record<PartitionRow['state'], string>> = {
  'no leader': 'No leader',
  retrying: 'Retrying',
  'in flight': 'In flight',
  queued: 'Queued',
  delivering: 'Delivering',
  idle: 'Idle',
}

const partitionState = ({ state, error }: PartitionRow): Cell => {
  const text = stateTexts[state]
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

/** The limit of topic rows, so that the partitions stay visible; the busiest topics come first. */
const topicRowsMax = 20

const drawTopics = ({ topics }: View): void => {
  const number = (text: string, level = ''): Cell => ({ text, isNumber: true, level })
  fillRows(
    byId('topics'),
    topics
      .slice(0, topicRowsMax)
      .map((row) => [
        { text: row.topic },
        number(formatCount(row.partitionCount)),
        number(`${formatRate(row.recordsAcked)} /s`),
        number(`${formatBytes(row.bytesAcked)}/s`),
        number(formatCount(row.recordsDelivered)),
        number(formatCount(row.recordsRetried)),
        number(formatCount(row.recordsFailed), row.recordsFailed > 0 ? 'bad' : ''),
      ]),
  )
  const all = counted(topics.length, 'topic')
  const isCut = topics.length > topicRowsMax
  setText(byId('topic-count'), isCut ? `The ${topicRowsMax} busiest of ${all}` : all)
}

const drawOptions = ({ options }: View): void => {
  const terms = Object.entries(options).map(([name, value]) => ({ name, value: String(value) }))
  byId('options-details').hidden = terms.length === 0
  fillTerms(byId('options'), terms)
}

const faultTexts: Readonly<Record<FaultKind, (count: string) => string>> = {
  failed: (count) => `${count} failed`,
  retried: () => 'is being retried',
  disconnected: (count) => `${count} lost or refused`,
  withoutResponse: (count) => `${count} without a response`,
  transaction: (count) => `${count} failed`,
}

const faultNouns: Readonly<Record<FaultKind, string>> = {
  failed: 'record',
  retried: 'batch',
  disconnected: 'connection',
  withoutResponse: 'request',
  transaction: 'transaction',
}

const placesText = ({ places, placeCount }: FaultRow): string => {
  if (placeCount === 0) return ''
  const others = placeCount - places.length
  return ` on ${places.join(', ')}${others > 0 ? ` and ${formatCount(others)} more` : ''}`
}

/** The failure is current: it lasts, or it ended within the last intervals. */
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
    const text =
      isPresent || fault.kind !== 'retried' ? faultTexts[fault.kind](count) : 'was retried'
    setText(rest, `${placesText(fault)}: ${text}`)
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

/** Draws everything except the charts. */
export const drawView = (view: View): void => {
  const cluster = view.clusterId === null ? '' : `, cluster ${view.clusterId}`
  setText(byId('client'), `client ${view.clientId}${cluster}`)
  setText(byId('clock'), clockTime(view.at))
  drawStatus(view.status)
  drawFigures(view)
  drawFaults(view)
  drawBrokers(view)
  drawTimes(view)
  drawTopics(view)
  drawPartitions(view)
  drawOptions(view)
  drawTotals(view)
}
