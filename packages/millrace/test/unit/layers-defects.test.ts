// What the original gets wrong, by its number: each check passes on ours, in both layers where both
// could have it, and fails on a stand-in that has the defect and nothing else wrong.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as checks from '../layers/defect-checks.ts'
import * as standIns from '../layers/stand-ins.ts'
import { layer1, layer2, type Make } from '../layers/subject.ts'

const passesOnOurs =
  (check: checks.Check, standIn: Make, symptom: RegExp, ours: readonly Make[]) => async () => {
    for (const make of ours) await check(make)
    await assert.rejects(check(standIn), (error: Error) => {
      assert.match(error.message, symptom, 'the stand-in fails for another reason')
      return true
    })
  }

const both = [layer1, layer2]

test(
  '1: close waits for the results of the last batch and reports them',
  passesOnOurs(checks.closeTellsTheLastBatch, standIns.endsReaderFirst, /0 !== 5/, both),
)

test(
  '2: a first sendBatch of two or more is flushed by time',
  passesOnOurs(checks.timerStartsWithAnyFirstBatch, standIns.startsTimerAtOne, /0 !== 3/, both),
)

test(
  '3: a sync sendBatch names every message that failed',
  passesOnOurs(
    checks.batchErrorNamesEveryFailure,
    standIns.keepsLastError,
    /^KafkaError: record.value/,
    [layer1],
  ),
)

test(
  '4: close while messages are being sent crashes nothing',
  passesOnOurs(
    checks.closeCrashesNoSend,
    standIns.closesQueueUnderSends,
    /TypeError: .*'push'/,
    both,
  ),
)

test(
  '5: a second close is the first one again',
  passesOnOurs(
    checks.closeTwiceIsOnce,
    standIns.crashesOnSecondClose,
    /close of closed channel/,
    both,
  ),
)

test(
  '6: deadline and signal of a call hold until its messages have their results',
  passesOnOurs(checks.deadlineHoldsOnTheWay, standIns.looksAtDeadlineOnce, /code: 'TIMEOUT'/, both),
)

test(
  '7: an idle producer wakes up for nothing',
  passesOnOurs(checks.idleWakesNothing, standIns.polls, /500 !== 0/, both),
)

test(
  '8: headers, timestamp and partition go in; partition, offset and timestamp come out',
  passesOnOurs(checks.everythingGoesInAndComesOut, standIns.tellsNothing, /'orders'/, [layer1]),
)

test(
  '9: messages leave exactly the configured time after the first one',
  passesOnOurs(
    checks.intervalIsTheConfiguredOne,
    standIns.batchesTwice,
    /\+ {3}500\n- {3}250/,
    both,
  ),
)

test(
  '10: messages without a key have none, and spread over the partitions',
  passesOnOurs(checks.keylessMessagesSpread, standIns.sendsEmptyKeys, /all on partition \d$/, both),
)

test(
  '11: after close both modes reject, and nothing is sent',
  passesOnOurs(
    checks.closedRejectsInBothModes,
    standIns.sendsAfterClose,
    /Missing expected rejection/,
    both,
  ),
)

test(
  "12: the caller's objects are not changed",
  passesOnOurs(checks.callersObjectsStayAsTheyWere, standIns.repairsInPlace, /batchSize: 100/, [
    layer1,
  ]),
)

test(
  '13: a callback that is slow, throws or rejects delays no other and ends nothing',
  passesOnOurs(checks.callbacksDelayNobody, standIns.waitsForCallbacks, /- {3}'11'/, both),
)

test(
  '14: the buffer is bounded while the broker is away, also when only a count flushes it',
  passesOnOurs(
    checks.bufferIsBounded,
    standIns.growsWithoutBound,
    /1000 messages were taken/,
    both,
  ),
)
