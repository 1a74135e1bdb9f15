/** How a file refers to another. `type` is erased before it runs; `worker` is `new URL('…', import.meta.url)`. */
export interface ImportName {
  readonly specifier: string;
  readonly form: 'type' | 'static' | 'dynamic' | 'worker';
}

const patterns: readonly (readonly [ImportName['form'], RegExp])[] = [
  ['type', /\b(?:import|export)\s+type\s+[\w*{}\s,$]+?\s+from\s+['"]([^'"\n]+)['"]/g],
  ['static', /\b(?:import|export)\s+(?!type\s)(?:[\w*{}\s,$]+?\s+from\s+)?['"]([^'"\n]+)['"]/g],
  ['dynamic', /\bimport\s*\(\s*(?:\/\*[^*]*\*\/\s*)?['"]([^'"\n]+)['"]/g],
  ['worker', /\bnew\s+URL\s*\(\s*['"]([^'"\n]+)['"]\s*,\s*import\.meta\.url/g],
];

/**
 * Reads the imports of TypeScript and Svelte sources textually, including type-only imports and worker URLs, which
 * module-graph tools may miss. Comments are removed first.
 */
export function readImports(source: string): readonly ImportName[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1');
  return patterns.flatMap(([form, pattern]) =>
    [...code.matchAll(pattern)].map((match) => ({ specifier: match[1]!, form })),
  );
}
