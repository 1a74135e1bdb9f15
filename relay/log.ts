import pino from 'pino';
import type { Logger } from '#lib/base/logger.ts';
import { printableJson } from '#lib/base/printable.ts';
import type { LogLevel } from './settings/process.ts';

export interface LogDestination {
  write(line: string): unknown;
}

/**
 * JSON lines on standard error; standard output is for whoever started the relay. They carry names and messages from
 * other peers, so control characters are escaped.
 */
export function createLogger(level: LogLevel, destination: LogDestination = standardError()): Logger {
  const log = pino(
    { level, base: null, serializers: { error: pino.stdSerializers.err } },
    { write: (line) => void destination.write(printableJson(line)) },
  );
  return {
    info: (event, fields = {}) => log.info({ event, ...fields }),
    warn: (event, fields = {}) => log.warn({ event, ...fields }),
  };
}

const standardError = () => pino.destination({ dest: 2, sync: false });
