/** The gateway's own limits. Sizes in bytes, times in milliseconds; those of the wire are in `protocol/limits.ts`. */
export const gatewayLimits = {
  /** A request body, uncompressed: a job's pictures in base64, its frame with JSON escapes, and some room. */
  bodyBytesMax: 12 * 1024 * 1024,
  /** A request about payments, uncompressed: an order with as many claims as there may be in one. */
  paymentBytesMax: 256 * 1024,
  /** All bodies being read at once, together. */
  bodiesBytesMax: 128 * 1024 * 1024,
  /** Concurrent answers over all callers. */
  jobsMax: 256,
  /** Of these, for one address. */
  jobsPerAddressMaxDefault: 64,
  /** For one key. */
  jobsPerKeyMaxDefault: 64,
  /** How long the status line waits for a worker to accept the job; after that a stream starts with 200 regardless. */
  statusHoldMs: 5_000,
  /** Interval of SSE comments on a silent stream, so that proxies and clients keep waiting. */
  keepaliveIntervalMs: 3_000,
  /** How long a stream stays open after its answer for the receipt of what it cost; that is collected anyhow. */
  settlementMs: 60_000,
  idempotencyKeyLengthMax: 255,
  /** Answers kept for replay under an Idempotency-Key. */
  recordsMax: 256,
  recordTtlMs: 10 * 60_000,
  recordBytesMax: 32 * 1024 * 1024,
  /** When neither the request nor the model's context sets a lower limit. */
  maxTokensDefault: 2_048,
  warningsMax: 16,
} as const;
