/** Amounts of credits are whole micro-credits; a credit is a cent. */
export const unitsPerCredit = 1_000_000n;

/** Exactly, in digits: 1,250,000 micro-credits are `1.25`. */
export function writeCredits(units: bigint): string {
  const fraction = (units % unitsPerCredit).toString().padStart(6, '0').replace(/0+$/, '');
  return fraction === '' ? `${units / unitsPerCredit}` : `${units / unitsPerCredit}.${fraction}`;
}

/** Of a micro-credit, beside the dollar that tokens are. */
export const creditDecimals = 8;
