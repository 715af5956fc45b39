// The shape of a file in answers/: what a real broker answered, byte for byte.

export interface GoldenAnswer {
  readonly api: string
  /** The version in which the broker answered. */
  readonly version: number
  /** What was asked, for people. */
  readonly title: string
  /** The request as it was sent: header and body, without the size before them. */
  readonly request: string
  /** The answer: header and body, without the size before them. */
  readonly response: string
}
