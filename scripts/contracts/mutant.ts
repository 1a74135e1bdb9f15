/** A planted fault: `from`, found exactly once in `file`, becomes `to`; `caughtBy` names the test that must fail. */
export type Mutant = {
  readonly name: string;
  /** Which line of the law of money it breaks, by its number in SPEC.md. */
  readonly breaks: string;
  /** Below `contracts/`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Test file below `contracts/`, and a test in it. */
  readonly test: string;
  readonly caughtBy: string;
};
