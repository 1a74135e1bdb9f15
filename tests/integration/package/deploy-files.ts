import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parsers } from 'prettier/plugins/yaml';
import { projectRoot } from '../../../scripts/tasks/tool.ts';

const read = (file: string): string => readFileSync(join(projectRoot, file), 'utf8');

export interface ComposeService {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly healthcheck?: object;
  readonly stop_grace_period?: string;
  readonly secrets?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly networks: readonly string[] | { readonly edge: { readonly ipv4_address: string } };
}

interface Compose {
  readonly services: Readonly<Record<'relay' | 'caddy' | 'postgres' | 'redis', ComposeService>>;
  readonly networks: { readonly data: { readonly internal: boolean } };
  readonly secrets: object;
}

/** With its one variable set. */
export const compose = (): Compose =>
  readYaml(read('compose.yaml').replaceAll(/\$\{DOMAIN:[^}]*\}/g, 'relay.example')) as Compose;

/** The instructions of the last stage of the Dockerfile, by name. */
export function dockerfile(): ReadonlyMap<string, readonly string[]> {
  const lines = read('Dockerfile')
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line !== '');
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
  return grouped(
    last.map((line) => {
      const [, key, value] = /^(\w+) +(.*)$/.exec(line)!;
      return [key!, value!];
    }),
  );
}

/** The sections of a unit of systemd; a name may stand several times. */
export function unit(name: string): ReadonlyMap<string, readonly string[]> {
  return grouped(
    read(`deploy/systemd/${name}.service`)
      .split('\n')
      .flatMap((line) => {
        const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
        return key === undefined ? [] : [[key, value!]];
      }),
  );
}

const grouped = (entries: readonly (readonly [string, string] | readonly string[])[]) =>
  new Map(
    [...Map.groupBy(entries, ([key]) => key!)].map(([key, all]) => [key, all.map(([, value]) => value!)] as const),
  );

/** A node of the formatter's tree of a YAML document, of which it has no values. */
interface YamlNode {
  readonly type: string;
  readonly value?: string;
  readonly children?: readonly (YamlNode | null)[];
}

function readYaml(text: string): unknown {
  const parse = parsers.yaml.parse as (text: string, options: object) => YamlNode;
  const [document] = parse(text, {}).children!;
  return valueOf(document!.children!.find((node) => node?.type === 'documentBody')?.children?.[0]);
}

function valueOf(node: YamlNode | null | undefined): unknown {
  const { type, value, children = [] } = node ?? { type: 'null' };
  const inner = (index: number, item: YamlNode | null) => valueOf(item?.children?.[index]);
  switch (type) {
    case 'mapping':
    case 'flowMapping':
      return Object.fromEntries(
        children.map((item) => [String(inner(0, item?.children?.[0] ?? null)), inner(0, item?.children?.[1] ?? null)]),
      );
    case 'sequence':
    case 'flowSequence':
      return children.map((item) => inner(0, item));
    case 'plain':
      return /^(true|false|\d+)$/.test(value!) ? JSON.parse(value!) : value;
    case 'quoteSingle':
    case 'quoteDouble':
      return value;
    case 'null':
      return null;
    default:
      throw new Error(`compose.yaml holds "${type}", which this test does not read`);
  }
}
