import type { ModelSharing, SharingCounts } from '#lib/state/sharing.ts';

export const isServing = ({ phase }: Pick<ModelSharing, 'phase'>): boolean =>
  phase === 'sharing' || phase === 'paused' || phase === 'finishing';
export const isStarting = ({ phase }: Pick<ModelSharing, 'phase'>): boolean =>
  phase === 'loading' || phase === 'measuring';

export const noCounts: SharingCounts = {
  running: 0,
  queued: 0,
  jobsDone: 0,
  jobsFailed: 0,
  jobsRefused: 0,
  tokensIn: 0,
  tokensOut: 0,
  decodeTps: undefined,
  duty: 0,
};
