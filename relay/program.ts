import type { Logger } from '#lib/base/logger.ts';

/** A command that runs until it is stopped. */
export interface Program {
  readonly logger: Logger;
  /** What is printed when it has started. */
  readonly banner: string;
  /** Settles when it does its work, or cannot yet; what is printed then. */
  readonly ready: Promise<string>;
  /** Lets running answers finish within the configured time, then shuts everything down. Idempotent. */
  stop(): Promise<void>;
}

/** What a command prints that ends by itself: `out` for programs, `notes` for people, on standard error. */
export interface Printed {
  readonly out: string;
  readonly notes: string;
  /** 0 by default. */
  readonly exitCode?: number;
}
