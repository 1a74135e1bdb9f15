/** A test by the file it stands in, from the root, and its title as written there. */
export type Proof = readonly [file: string, title: string];

/** Something that people are promised, and what proves it. */
export interface Claim {
  /** `complaint 7`, `fault D3`, `chat`. */
  readonly row: string;
  readonly claim: string;
  /** All of them have to pass. Without any the claim counts as not shown. */
  readonly proofs: readonly Proof[];
  /** What no test shows; the claim then counts as shown in part at most. */
  readonly lacks?: string;
}

export type Verdict = 'passed' | 'passed in part' | 'failed' | 'NOT SHOWN' | 'not run';

/** How a test ended; `undefined` if no report has it. */
export type Outcome = 'passed' | 'failed' | undefined;

/** Where a proof is not even written, its claim is not shown, whatever the others say. */
export function verdictOf(
  { proofs, lacks }: Claim,
  outcomeOf: (proof: Proof) => Outcome | 'missing' | 'left out',
): Verdict {
  const outcomes = proofs.map(outcomeOf);
  if (outcomes.includes('failed')) return 'failed';
  if (outcomes.length === 0 || outcomes.includes('missing') || outcomes.includes(undefined)) return 'NOT SHOWN';
  if (outcomes.includes('left out')) return 'not run';
  return lacks === undefined ? 'passed' : 'passed in part';
}

/** Whether a reported title is that of the source, which has placeholders where its cases are filled in. */
export function isTitle(source: string, reported: string): boolean {
  const parts = source.split(/%[sdifjo]|\$\{[^}]*\}|\$\w+/);
  if (parts.length === 1) return source === reported;
  const pattern = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*');
  return new RegExp(`^${pattern}$`, 's').test(reported);
}

/** Whether a file has a test of this title, as any string literal. */
export const isWritten = (source: string, title: string): boolean =>
  [`'${title.replaceAll("'", "\\'")}'`, `"${title}"`, `\`${title}\``].some((literal) => source.includes(literal));
