import {
  binaryChanges,
  fieldChange,
  isSignerArgument,
  partyChanges,
  statementChanges,
  type Change,
} from './changes.ts';
import { nameOf, type Site } from './site.ts';
import { spanOf, walk, type Node, type Source } from './tree.ts';

/** A source in which every mutant lies dormant. */
export type Woven = { readonly file: string; readonly text: string };

type Edit = { readonly start: number; readonly end: number; readonly wrap: (inner: string) => string };

/**
 * Compiling a source once per mutant takes most of the time of trying it. So all mutants are compiled together: each place
 * asks which mutant is awake, and the test run says so through the block's beneficiary, which no source reads.
 */
export function weave(sources: readonly Source[]): {
  readonly sites: readonly Site[];
  readonly woven: readonly Woven[];
} {
  const sites: Site[] = [];
  const seen = new Map<string, number>();
  const woven = sources.map((source) => {
    const edits: Edit[] = [];
    const text = (node: Node) => slice(source, spanOf(node).start, spanOf(node).end);
    const add = (node: Node, within: string, { rule, to }: Change, from = text(node)): number => {
      const site = { file: source.file, within, rule, from: flat(from), to: flat(to) };
      const key = nameOf({ ...site, ordinal: 0 });
      const ordinal = seen.get(key) ?? 0;
      seen.set(key, ordinal + 1);
      const line = source.bytes.subarray(0, spanOf(node).start).toString('utf8').split('\n').length;
      sites.push({ ...site, ordinal, line, id: sites.length + 1 });
      return sites.length;
    };
    for (const body of bodies(source.tree)) {
      walk(body.node, (node, parents) => {
        if (node.nodeType === 'InlineAssembly') return false;
        const span = spanOf(node);
        const parent = parents.at(-1);
        const expression = (change: Change) => {
          const id = add(node, body.name, change);
          edits.push({ ...span, wrap: (inner) => `(_awake(${id}) ? (${change.to}) : (${inner}))` });
        };
        if (node.nodeType === 'BinaryOperation') binaryChanges(node, text).forEach(expression);
        if (node.nodeType === 'MemberAccess' && node['lValueRequested'] !== true) {
          partyChanges(node, isSignerArgument(node, parent), text).forEach(expression);
        }
        if (node.nodeType === 'IfStatement' || node.nodeType === 'Conditional') {
          const condition = node['condition'] as Node;
          const never = add(condition, body.name, { rule: 'condition', to: 'false' });
          const reverts = (node['trueBody'] as Node | undefined)?.nodeType === 'RevertStatement';
          // A revert on every call is what every test of success would notice.
          const always = reverts ? 0 : add(condition, body.name, { rule: 'condition', to: 'true' });
          edits.push({
            ...spanOf(condition),
            wrap: (inner) => `(!_awake(${never}) && (${inner}))${always ? ` || _awake(${always})` : ''}`,
          });
        }
        if (node.nodeType === 'EmitStatement') {
          const call = node['eventCall'] as Node;
          for (const argument of call['arguments'] as readonly Node[]) {
            const change = fieldChange(argument, text);
            if (!change) continue;
            const id = add(argument, body.name, change);
            edits.push({ ...spanOf(argument), wrap: (inner) => `(_awake(${id}) ? (${change.to}) : (${inner}))` });
          }
        }
        const isStatement = node.nodeType === 'ExpressionStatement' || node.nodeType === 'EmitStatement';
        if (isStatement && parent?.nodeType !== 'ForStatement') {
          const changes: readonly Change[] =
            node.nodeType === 'EmitStatement' ? [{ rule: 'statement', to: '' }] : statementChanges(node, text);
          const end = source.bytes.indexOf(';', span.end - 1) + 1;
          const from = slice(source, span.start, end);
          const numbered = changes.map((change) => ({ ...change, id: add(node, body.name, change, from) }));
          edits.push({
            start: span.start,
            end,
            wrap: (inner) =>
              `{ ${numbered.map(({ id, to }) => `if (_awake(${id})) { ${to} } else `).join('')}{ ${inner} } }`,
          });
        }
        return true;
      });
    }
    return { file: source.file, text: edits.length === 0 ? slice(source) : render(source, edits) + awake };
  });
  return { sites, woven };
}

const flat = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

const slice = ({ bytes }: Source, start = 0, end = bytes.length): string => bytes.subarray(start, end).toString('utf8');

/** Bodies of functions and modifiers, with what a function hands to its modifiers left out. */
function bodies(tree: Node): readonly { readonly name: string; readonly node: Node }[] {
  const found: { name: string; node: Node }[] = [];
  walk(tree, (node) => {
    if (node.nodeType !== 'FunctionDefinition' && node.nodeType !== 'ModifierDefinition') return true;
    if (node['body'])
      found.push({ name: (node['name'] as string) || (node['kind'] as string), node: node['body'] as Node });
    return false;
  });
  return found;
}

/** Applies nested edits: of two over the same span, the one added first is outermost. */
function render(source: Source, edits: readonly Edit[]): string {
  const ordered = edits.map((edit, index) => ({ ...edit, index }));
  ordered.sort((a, b) => a.start - b.start || b.end - a.end || a.index - b.index);
  let next = 0;
  const upTo = (start: number, end: number): string => {
    let text = '';
    let at = start;
    while (next < ordered.length && ordered[next]!.start < end) {
      const edit = ordered[next++]!;
      text += slice(source, at, edit.start) + edit.wrap(upTo(edit.start, edit.end));
      at = edit.end;
    }
    return text + slice(source, at, end);
  };
  return upTo(0, source.bytes.length);
}

/** Pure in name only, so that pure functions can ask too. */
export const awake = `
function _mutantAwake(uint256 id) view returns (bool) {
    return uint160(address(block.coinbase)) == id;
}

function _awake(uint256 id) pure returns (bool) {
    function(uint256) view returns (bool) asks = _mutantAwake;
    function(uint256) pure returns (bool) asksPurely;
    assembly {
        asksPurely := asks
    }
    return asksPurely(id);
}
`;
