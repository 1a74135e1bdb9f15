import { parseArgs } from 'node:util';
import { TabloomError } from '#lib/base/errors.ts';

/** What the command line says; each flag wins over its environment variable. */
export interface Flags {
  readonly help: boolean;
  readonly open: boolean;
  /** The environment variables the flags stand for. */
  readonly variables: Readonly<Record<string, string>>;
}

export const usage = `Usage: npm start -- [flags]

  --port <number>   the one port for pages, gateway and network (PORT, 8080); 0 takes a free one
  --host <address>  the address to listen on (HOST, 127.0.0.1); 0.0.0.0 for every network of this machine
  --no-native       do not answer with a model of this machine; only peers do
  --open            open the page in the browser
  --help            this text

More settings are environment variables: see docs/OPERATING.md.`;

/** @throws `bad-flag`. */
export function readFlags(args: readonly string[]): Flags {
  const values = parse(args);
  const variables: Record<string, string> = {};
  if (values.port !== undefined) variables.PORT = values.port;
  if (values.host !== undefined) variables.HOST = values.host;
  if (values['no-native'] === true) variables.NATIVE = 'off';
  return { help: values.help === true, open: values.open === true, variables };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        'no-native': { type: 'boolean' },
        open: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0]! : 'unknown flag';
    throw new TabloomError('bad-flag', `${reason.replace(/\.? To specify.*$/, '')}. Try --help.`, { cause });
  }
}
