/** Timeouts and limits for chain access; `createChain` can override each of them. */
export const chainLimits = {
  requestTimeoutMs: 15_000,
  /** Polling interval for receipts. */
  pollMs: 1_000,
  /** A transaction without a receipt after this time is resent with a higher fee. */
  resendAfterMs: 45_000,
  /**
   * If a nonce has been used for this long without a receipt for any version of the transaction, another transaction
   * took it.
   */
  nonceLostAfterMs: 30_000,
  /** Fees of a replacement, in percent of the previous ones: nodes reject less than 110. */
  bumpPercent: 130n,
  /** Maximum replacements of one transaction. */
  replacementsMax: 6,
  /** Maximum fee per gas, in wei: 500 gwei. */
  feePerGasMax: 500_000_000_000n,
  /** How long to wait for an unresponsive node before failing. */
  unresponsiveMs: 10 * 60_000,
  /** Maximum time for one transaction, from first sending to last confirmation. */
  transactionMs: 30 * 60_000,
  /** How many times a transaction is restarted after losing its nonce to another. */
  restartsMax: 3,
  /** Blocks per event query. */
  logRangeMax: 2_000n,
  /** Gas limit in percent of the estimate. */
  gasPercent: 125n,
} as const;

export type ChainLimits = {
  readonly [Name in keyof typeof chainLimits]: (typeof chainLimits)[Name] extends bigint ? bigint : number;
};
