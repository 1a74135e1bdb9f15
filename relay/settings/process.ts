import { z } from 'zod';
import type { Settings } from './setting.ts';
import { decimal, path, serverOf } from './values.ts';

export type LogLevel = (typeof logLevels)[number];
const logLevels = ['silent', 'warn', 'info'] as const;

const settingsFile = {
  meaning:
    'A file of settings, a line `NAME=value` for each, such as `init` writes. Variables and flags win over it. See [A file of settings](#a-file-of-settings).',
  flag: { name: 'settings', argument: 'file', help: 'a file of settings, such as "init" writes' },
} as const;

/** Of every command that is started with settings. */
export const fileSettings = { SETTINGS: { ...settingsFile, schema: path.optional() } } as const satisfies Settings;

/** Of the command that writes the file. */
export const newFileSettings = {
  SETTINGS: { ...settingsFile, schema: path.prefault('tabloom.env'), standard: '`tabloom.env`' },
} as const satisfies Settings;

/** Where a command keeps what outlives it. */
export const dataSettings = <Folder extends string>(folder: Folder) =>
  ({
    ...fileSettings,
    DATA_DIR: {
      schema: path.prefault(folder),
      standard: `\`${folder}\``,
      meaning: 'Identity keys (mode 0600), receipts and the ledger. One process at a time may use it.',
    },
  }) as const satisfies Settings;

/** Of a command that runs until it is stopped. */
export const processSettings = {
  LOG_LEVEL: {
    schema: z.enum(logLevels).default('warn'),
    meaning: '`silent`, `warn` or `info`: JSON lines on standard error. Prompts and answers are never logged.',
  },
  SHUTDOWN_SECONDS: {
    schema: decimal.pipe(z.number().max(600)).default(10),
    meaning: 'How long running answers may take to finish after the first SIGINT or SIGTERM.',
  },
} as const satisfies Settings;

/** Of a program that writes the ledger. */
export const upkeepSettings = {
  LEDGER_DAYS: {
    schema: decimal.pipe(z.number().int().min(1).max(36_500)).default(90),
    meaning:
      'Days of UTC before today of which the ledger keeps every job. Of older ones it keeps what each account paid by day, and the sums by hour.',
  },
} as const satisfies Settings;

export const ledgerSettings = {
  ...dataSettings('data'),
  DATABASE_URL: {
    schema: serverOf(/^postgres(ql)?:$/, 'postgres://user:password@host:5432/name').optional(),
    secret: true,
    meaning:
      'A Postgres server for keys and ledger (`postgres://user:password@host:5432/name`), in place of `ledger.db` in `DATA_DIR`.',
  },
} as const satisfies Settings;
