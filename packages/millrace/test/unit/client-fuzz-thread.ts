// One thread of client-hostile.test.ts: runs one plan and sends its outcome.

import { parentPort, workerData } from 'node:worker_threads'
import { type FuzzPlan, fuzz } from './client-fuzz.ts'

parentPort?.postMessage(await fuzz(workerData as FuzzPlan))
