/** How patient a chain is asked, in one place; `createChain` takes other numbers for any of them. */
export const chainLimits = {
  requestTimeoutMs: 15_000,
  /** Between two looks for a receipt. */
  pollMs: 1_000,
  /** A transaction without a receipt for this long is sent again with a higher fee. */
  resendAfterMs: 45_000,
  /** A nonce that is used up while no form of the transaction has a receipt: for so long, and it went to another one. */
  goneAfterMs: 30_000,
  /** Fees of a replacement, in percent of the former: nodes refuse less than 110. */
  bumpPercent: 130n,
  /** Replacements of one transaction. */
  replacementsMax: 6,
  /** No fee per gas above this, in wei: 500 gwei. */
  feePerGasMax: 500_000_000_000n,
  /** How long a silent node is waited for before the caller is told. */
  awayMs: 10 * 60_000,
  /** How long one transaction may take, from the first sending to its last confirmation. */
  transactionMs: 30 * 60_000,
  /** How often a transaction whose nonce went to another one is begun anew. */
  restartsMax: 3,
  /** Blocks in one question for events. */
  logRangeMax: 2_000n,
  /** Gas limit in percent of the estimate. */
  gasPercent: 125n,
} as const;

export type ChainLimits = {
  readonly [Name in keyof typeof chainLimits]: (typeof chainLimits)[Name] extends bigint ? bigint : number;
};
