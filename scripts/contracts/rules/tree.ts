import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { projectRoot } from '../../tasks/tool.ts';

/** A node of the compiler's typed syntax tree, as far as the rules read it. */
export type Node = {
  readonly nodeType: string;
  readonly src: string;
  readonly typeDescriptions?: { readonly typeString?: string };
} & Record<string, unknown>;

/** A source below `contracts/` with its text, in bytes as the tree counts, and its tree. */
export type Source = { readonly file: string; readonly bytes: Buffer; readonly tree: Node };

/** The deployed sources, not their tests; interfaces have no code and yield no sites. */
export function sourceFiles(root = join(projectRoot, 'contracts')): readonly string[] {
  return readdirSync(root)
    .filter((name) => name.endsWith('.sol') && !name.endsWith('.t.sol'))
    .sort();
}

/** Analyses the deployed sources; no code is generated. */
export function parseAll(root = join(projectRoot, 'contracts')): readonly Source[] {
  const load = createRequire(import.meta.url);
  const solc = load('solc') as {
    compile: (input: string, callbacks: { import: (path: string) => { contents: string } }) => string;
  };
  const files = sourceFiles(root);
  const sources = Object.fromEntries(
    files.map((file) => [`contracts/${file}`, { content: readFileSync(join(root, file), 'utf8') }]),
  );
  const read = (path: string) => {
    const contents = path.startsWith('contracts/')
      ? readFileSync(join(root, path.slice('contracts/'.length)), 'utf8')
      : readFileSync(load.resolve(path), 'utf8');
    return { contents };
  };
  const settings = { outputSelection: { '*': { '': ['ast'] } } };
  const answer = JSON.parse(
    solc.compile(JSON.stringify({ language: 'Solidity', sources, settings }), { import: read }),
  ) as { sources?: Record<string, { ast: Node }>; errors?: readonly { severity: string; formattedMessage: string }[] };
  const errors = answer.errors?.filter(({ severity }) => severity === 'error') ?? [];
  if (errors.length > 0) throw new Error(errors.map((error) => error.formattedMessage).join('\n'));
  return files.map((file) => ({
    file,
    bytes: readFileSync(join(root, file)),
    tree: answer.sources![`contracts/${file}`]!.ast,
  }));
}

/** Where a node stands, in bytes. */
export function spanOf(node: Node): { readonly start: number; readonly end: number } {
  const [start, length] = node.src.split(':').map(Number) as [number, number];
  return { start, end: start + length };
}

/** Visits a node and all below it, parents first; `visit` returns false to leave out what is below. */
export function walk(value: unknown, visit: (node: Node, parents: readonly Node[]) => boolean | void): void {
  const parents: Node[] = [];
  const go = (current: unknown): void => {
    if (Array.isArray(current)) return current.forEach(go);
    if (current === null || typeof current !== 'object') return;
    const node = current as Node;
    const isNode = typeof node.nodeType === 'string' && typeof node.src === 'string';
    if (isNode && visit(node, parents) === false) return;
    if (isNode) parents.push(node);
    for (const child of Object.values(node)) go(child);
    if (isNode) parents.pop();
  };
  go(value);
}
