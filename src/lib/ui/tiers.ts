import type { Tier } from '#lib/protocol/job.ts';
import { openSentence } from './words.ts';

/** What each tier promises, and what it does not. */
export const tierSentences: Readonly<Record<Tier, string>> = {
  open: openSentence,
  verified:
    'The computer that answers can read your prompt. The connection is encrypted against everyone in between, and its answers are re-checked at random by others; a provider that swaps the model loses its bond.',
  confidential:
    'Readable only inside an attested enclave, as long as the chip maker’s protection holds and nobody attacks the machine physically.',
};
