/** Structured log. Fields never hold a prompt, an answer or a key. */
export interface Logger {
  info(event: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void;
}

export const silentLogger: Logger = { info: () => undefined, warn: () => undefined };
