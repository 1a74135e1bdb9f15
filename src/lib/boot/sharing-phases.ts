import type { ModelSharing } from '#lib/state/sharing.ts';

export const isServing = ({ phase }: Pick<ModelSharing, 'phase'>): boolean =>
  phase === 'sharing' || phase === 'paused' || phase === 'finishing';
export const isStarting = ({ phase }: Pick<ModelSharing, 'phase'>): boolean =>
  phase === 'loading' || phase === 'measuring';
