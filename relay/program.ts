import type { Logger } from '#lib/base/logger.ts';
import type { LiveSnapshot } from './live/snapshot.ts';
import type { LogDestination } from './log.ts';

/** What a command is given besides its settings. */
export interface ProgramOptions {
  /** Where the log goes; standard error by default. */
  readonly log?: LogDestination | undefined;
}

/** A command that runs until it is stopped. */
export interface Program {
  readonly logger: Logger;
  /** What is printed when it has started. */
  readonly banner: string;
  /** Settles when it does its work, or cannot yet; what is printed then. */
  readonly ready: Promise<string>;
  /** What it is doing now. */
  live(): LiveSnapshot;
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
