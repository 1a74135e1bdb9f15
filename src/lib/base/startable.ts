/** Something that is started and stopped: both calls are idempotent, and `stop` leaves nothing running. */
export interface Startable {
  start(): Promise<void>;
  stop(): Promise<void>;
}
