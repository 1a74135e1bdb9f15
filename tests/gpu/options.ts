import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { TabloomError } from '#lib/base/errors.ts';

export interface Options {
  readonly library: string;
  /** A folder, or undefined for weights made at random. */
  readonly weights: string | undefined;
  readonly webLlm: string;
  /** A page built before with `buildOnly`, for a machine without the builder. */
  readonly page: string | undefined;
  readonly buildOnly: string | undefined;
  readonly extent: 'all' | 'short';
  /** Only checks whose name has one of these texts; all where there is none. */
  readonly only: readonly string[];
  readonly f16: boolean;
  readonly contextTokens: number;
  readonly checkLimitMs: number;
  readonly browserArgs: readonly string[];
  readonly headed: boolean;
}

/** @throws `usage`, `library-missing`, `weights-missing`, `web-llm-missing`, each saying what to give. */
export function readOptions(args: readonly string[], root: string): Options {
  const { values } = parse(args);
  const library = values.library ?? '';
  if (values.build === undefined && !existsSync(library)) {
    throw new TabloomError(
      'library-missing',
      `No model library at "${library}". Give one that fits the WebLLM in use with --library FILE.wasm; see tests/gpu/README.md.`,
    );
  }
  const weights = values.weights === 'random' ? undefined : values.weights;
  if (weights !== undefined && !existsSync(join(weights, 'mlc-chat-config.json'))) {
    throw new TabloomError(
      'weights-missing',
      `"${weights}" holds no mlc-chat-config.json. Give a folder, or "random".`,
    );
  }
  const webLlm = values['web-llm'] ?? join(root, 'node_modules/@mlc-ai/web-llm');
  if (!existsSync(join(webLlm, 'package.json'))) {
    throw new TabloomError('web-llm-missing', `"${webLlm}" is no package folder of @mlc-ai/web-llm.`);
  }
  return {
    library,
    weights,
    webLlm,
    page: values.page,
    buildOnly: values.build,
    extent: values.short ? 'short' : 'all',
    only: values.only,
    f16: values.f16 ?? /q\df16/.test(library),
    contextTokens: positive(values.context, 'context'),
    checkLimitMs: positive(values.limit, 'limit') * 1_000,
    browserArgs: values.arg,
    headed: values.headed,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        library: { type: 'string' },
        weights: { type: 'string', default: 'random' },
        'web-llm': { type: 'string' },
        page: { type: 'string' },
        build: { type: 'string' },
        short: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        f16: { type: 'boolean' },
        context: { type: 'string', default: '4096' },
        limit: { type: 'string', default: '120' },
        arg: { type: 'string', multiple: true, default: [] },
        headed: { type: 'boolean', default: false },
      },
    });
  } catch (cause) {
    throw new TabloomError('usage', `${String(cause)}. See tests/gpu/README.md.`, { cause });
  }
}

function positive(text: string, name: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new TabloomError('usage', `--${name} is a whole number above 0, not "${text}".`);
}

export const webLlmVersion = (folder: string): string =>
  (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
