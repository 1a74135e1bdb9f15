/** The gateway's own numbers. Sizes in bytes, times in milliseconds; those of the wire stand in `protocol/limits.ts`. */
export const gatewayLimits = {
  /** A request body, unpacked: the pictures of a job in base64, its frame with JSON's escapes, and room. */
  bodyBytesMax: 12 * 1024 * 1024,
  /** Bodies being read at once, together. */
  bodiesBytesMax: 128 * 1024 * 1024,
  /** Answers at once over all callers. */
  jobsMax: 256,
  /** How long the status line waits to learn whether somebody takes the job; then a stream begins with 200 anyway. */
  statusHoldMs: 5_000,
  /** Comments sent while a stream has nothing to say, so that proxies and clients keep waiting. */
  pingIntervalMs: 3_000,
  idempotencyKeyLengthMax: 255,
  /** Answers kept for repeated keys. */
  recordsMax: 256,
  recordTtlMs: 10 * 60_000,
  recordBytesMax: 32 * 1024 * 1024,
  /** When neither the request nor the model's context says less. */
  maxTokensDefault: 2_048,
  warningsMax: 16,
} as const;
