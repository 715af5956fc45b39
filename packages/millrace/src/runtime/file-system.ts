// Owns the port to the file system. Callers: the spool and the dead-letter file. Implementations:
// node-file-system.ts, and the simulator's file system, which can lose power. Invariant: every call
// is asynchronous; a failed call rejects with an error that has Node's error code (`ENOSPC`,
// `EROFS`, …).

/** An open file. Its owner makes one call at a time, except for reads. */
export interface OpenFile {
  /**
   * Writes all chunks from `position` on. After a failure any part of them may be written, and
   * possibly none is on the device.
   */
  write(chunks: readonly Uint8Array[], position: number): Promise<void>
  /**
   * Reads into `target`; resolves with the number of bytes, which is smaller at the end of the
   * file.
   */
  read(target: Uint8Array, position: number): Promise<number>
  truncate(bytes: number): Promise<void>
  /** Forces the content to the device (fdatasync). */
  sync(): Promise<void>
  /** `isLinked` is false when the file has been removed from its directory. */
  stat(): Promise<{ readonly bytes: number; readonly isLinked: boolean }>
  close(): Promise<void>
}

/**
 * `create` fails with EEXIST if the file exists. So does `createSynced`, and each write to its file
 * resolves when the content is on the device.
 */
export type OpenMode = 'read' | 'update' | 'create' | 'createSynced'

export interface FileSystem {
  /** Creates the directory and its parents if they do not exist. */
  makeDirectory(path: string): Promise<void>
  /** Names of the entries, in no particular order. */
  list(path: string): Promise<string[]>
  open(path: string, mode: OpenMode): Promise<OpenFile>
  remove(path: string): Promise<void>
  /** Forces the directory's entries to the device, if the system supports it. */
  syncDirectory(path: string): Promise<void>
  /** Sets the modification time of a file to now. */
  touch(path: string): Promise<void>
  /** Modification time in milliseconds since the epoch, by the clock of the file's server. */
  modifiedAt(path: string): Promise<number>
}

/** Node's code of a failed call; `undefined` if the error has none. */
export const fileErrorCode = (error: unknown): string | undefined => {
  const code = (error as { readonly code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}
