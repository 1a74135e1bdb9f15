import type { LibraryView, LoadView } from './library.ts';

/** The load of this model, in progress or failed. */
export const loadOf = ({ loads }: Pick<LibraryView, 'loads'>, model: string): LoadView | undefined =>
  loads.find((load) => load.model === model);
