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
