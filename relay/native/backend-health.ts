/** A model server, as the one that watches it sees it. */
export interface BackendHealth {
  /** Host and port. */
  readonly label: string;
  readonly phase: 'starting' | 'up' | 'down';
  /** Models that can be served now. */
  readonly models: number;
  /** The code of what is wrong with it, or with one of its models. */
  readonly problem?: string | undefined;
}
