/** Something with a life: both calls are idempotent, and `stop` leaves nothing running. */
export interface Startable {
  start(): Promise<void>;
  stop(): Promise<void>;
}
