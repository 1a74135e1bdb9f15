import pino from 'pino';
import type { Logger } from '#lib/base/logger.ts';
import type { LogLevel } from './env.ts';

/** JSON lines on standard error, so that standard output stays with the person who started the relay. */
export function createLog(level: LogLevel): Logger {
  const log = pino(
    { level, base: null, serializers: { error: pino.stdSerializers.err } },
    pino.destination({ dest: 2, sync: false }),
  );
  return {
    info: (event, fields = {}) => log.info({ event, ...fields }),
    warn: (event, fields = {}) => log.warn({ event, ...fields }),
  };
}
