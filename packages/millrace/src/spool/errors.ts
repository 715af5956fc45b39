// Owns the errors of the spool. Callers: all files of spool/. Invariant: each error names the
// directory or the file, and for damage the byte offset.

import { KafkaError } from '../protocol/kafka-error.ts'
import { fileErrorCode } from '../runtime/file-system.ts'
import { messageOf } from '../runtime/value-kinds.ts'
import { formatVersion } from './format.ts'

const causes: Readonly<Record<string, string>> = {
  EROFS: 'the file system is read-only',
  EACCES: 'the process has no permission',
  EPERM: 'the process has no permission',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'it is not a directory',
  ENOENT: 'a file or directory does not exist',
  EIO: 'the device failed',
}

/** A file system call failed, and the spool cannot continue. */
export const fileFailed = (what: string, path: string, cause: unknown): KafkaError => {
  const known = causes[fileErrorCode(cause) ?? '']
  const why = known === undefined ? messageOf(cause) : `${known} (${messageOf(cause)})`
  return new KafkaError('SPOOL_FAILED', `Spool ${path}: ${what} failed: ${why}`, { cause })
}

export const damaged = (path: string, offset: number, what: string): KafkaError =>
  new KafkaError('SPOOL_DAMAGED', `Spool ${path}: damaged at byte ${offset}: ${what}`)

export const unsupportedVersion = (path: string, version: number): KafkaError =>
  new KafkaError(
    'SPOOL_FAILED',
    `Spool ${path}: format version must be ${formatVersion}, got ${version}: ` +
      'a newer millrace wrote it',
  )

export const removedInUse = (path: string): KafkaError =>
  new KafkaError('SPOOL_FAILED', `Spool ${path}: the file was removed while it was in use`)
