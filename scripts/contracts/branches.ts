import { createRequire } from 'node:module';

/** One condition in a source. Branch coverage counts which of its two outcomes a test run has seen. */
export type Branch = {
  readonly file: string;
  /** Line in the original source (from 1) and the condition's text. */
  readonly line: number;
  readonly condition: string;
  /** Lines of the altered source that run if the condition holds and if it does not. */
  readonly lines: { readonly holds: number; readonly fails: number };
};

export type Altered = {
  readonly text: string;
  readonly branches: readonly Branch[];
  /** Whether it contains executable code; interfaces do not. */
  readonly hasCode: boolean;
};

type Node = { readonly nodeType?: string; readonly src?: string; readonly operator?: string } & Record<string, unknown>;

/**
 * Hardhat measures which statements ran, not which branches were taken. So each condition of an `if`, of a `? :`, and on
 * the left of `&&` and `||` is wrapped in a function with one statement for either outcome: then statements are branches.
 */
export function alter(file: string, source: string): Altered {
  const conditions: Node[] = [];
  let hasCode = false;
  walk(parse(file, source), (node) => {
    if (node.nodeType === 'FunctionDefinition' && node['body']) hasCode = true;
    if (node.nodeType === 'IfStatement' || node.nodeType === 'Conditional') conditions.push(node['condition'] as Node);
    const isLogical = node.operator === '&&' || node.operator === '||';
    if (node.nodeType === 'BinaryOperation' && isLogical) conditions.push(node['leftExpression'] as Node);
  });
  const bytes = Buffer.from(source, 'utf8');
  const edits = conditions.flatMap((node, index) => {
    const { start, end } = spanOf(node);
    return [
      // At the same position, spans must nest: the longer opens first, the shorter closes first.
      { at: start, rank: -(end - start), text: `_branch${index}(` },
      { at: end, rank: end - start, text: ')' },
    ];
  });
  edits.sort((a, b) => a.at - b.at || (a.text === ')' ? 0 : 1) - (b.text === ')' ? 0 : 1) || a.rank - b.rank);
  const pieces: Buffer[] = [];
  let from = 0;
  for (const { at, text } of edits) {
    pieces.push(bytes.subarray(from, at), Buffer.from(text));
    from = at;
  }
  pieces.push(bytes.subarray(from));
  let text = Buffer.concat(pieces).toString('utf8');
  const branches = conditions.map((node, index): Branch => {
    const first = text.split('\n').length;
    text += `function _branch${index}(bool c) pure returns (bool) {\nif (c) {\nc = true;\n} else {\nc = false;\n}\nreturn c;\n}\n`;
    const { start, end } = spanOf(node);
    return {
      file,
      line: bytes.subarray(0, start).toString('utf8').split('\n').length,
      condition: bytes.subarray(start, end).toString('utf8').replace(/\s+/g, ' '),
      lines: { holds: first + 2, fails: first + 4 },
    };
  });
  return { text, branches, hasCode };
}

function spanOf(node: Node): { start: number; end: number } {
  const [start, length] = String(node.src).split(':').map(Number) as [number, number];
  return { start, end: start + length };
}

function walk(node: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(node)) for (const child of node) walk(child, visit);
  else if (node !== null && typeof node === 'object') {
    visit(node as Node);
    for (const child of Object.values(node)) walk(child, visit);
  }
}

/** The compiler's syntax tree of a single file. */
function parse(file: string, source: string): unknown {
  const solc = createRequire(import.meta.url)('solc') as { compile: (input: string) => string };
  const answer = JSON.parse(
    solc.compile(
      JSON.stringify({
        language: 'Solidity',
        sources: { [file]: { content: source } },
        settings: { stopAfter: 'parsing', outputSelection: { '*': { '': ['ast'] } } },
      }),
    ),
  ) as { sources?: Record<string, { ast: unknown }>; errors?: readonly { formattedMessage: string }[] };
  const ast = answer.sources?.[file]?.ast;
  if (!ast) throw new Error(`${file} does not parse: ${answer.errors?.map((e) => e.formattedMessage).join('\n')}`);
  return ast;
}
