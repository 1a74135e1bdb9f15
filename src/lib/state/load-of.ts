import type { LibraryView, LoadView, ModelView } from './library.ts';

/** The load of this model, in progress or failed. */
export const loadOf = ({ loads }: Pick<LibraryView, 'loads'>, model: string): LoadView | undefined =>
  loads.find((load) => load.model === model);

/** Whether it is proposed: of several builds of one model only the one to use here. */
export const isProposed = ({ build }: ModelView): boolean => build?.chosen !== false;
