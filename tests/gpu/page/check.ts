import type { Setup } from './subject.ts';

export interface PageCheck {
  readonly name: string;
  /** `refused`: the server answers every request for a file of the model with an error meanwhile. */
  readonly network?: 'refused';
  /** Throws on failure; gives back what is worth a note. */
  readonly run: (setup: Setup) => Promise<string>;
}
