/**
 * A mutation: `from`, which must occur exactly once in `file`, is replaced by `to`. `caughtBy` names the test that must
 * fail.
 */
export type Mutant = {
  readonly name: string;
  /** The rule in SPEC.md's law of money that it breaks, by number. */
  readonly breaks: string;
  /** Path below `contracts/`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Test file below `contracts/` and the test in it. */
  readonly test: string;
  readonly caughtBy: string;
};
