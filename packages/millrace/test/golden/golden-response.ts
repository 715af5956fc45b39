// The shape of a file in responses/: what a real broker returned, byte for byte.

export interface GoldenResponse {
  readonly api: string
  /** The version in which the broker responded. */
  readonly version: number
  /** The request, for people. */
  readonly title: string
  /** The request as it was sent: header and body, without the size before them. */
  readonly request: string
  /** The response: header and body, without the size before them. */
  readonly response: string
}
