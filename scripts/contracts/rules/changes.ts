import { spanOf, type Node } from './tree.ts';
import type { Rule } from './site.ts';

/** A change to a node: the text that stands there instead. */
export type Change = { readonly rule: Rule; readonly to: string };

/** Text of a node in the unchanged source. */
export type TextOf = (node: Node) => string;

const boundary: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '==': '!=',
  '!=': '==',
};
const logic: Readonly<Record<string, string>> = { '&&': '||', '||': '&&' };
const arithmetic: Readonly<Record<string, string>> = { '+': '-', '-': '+', '*': '/', '/': '*', '%': '*' };
const assignment: Readonly<Record<string, string>> = { '+=': '-=', '-=': '+=' };

/** Changes to a binary operation. */
export function binaryChanges(node: Node, text: TextOf): readonly Change[] {
  const operator = node['operator'] as string;
  const left = text(node['leftExpression'] as Node);
  const right = text(node['rightExpression'] as Node);
  if (node.typeDescriptions?.typeString?.startsWith('int_const')) return [];
  if (operator in boundary) return [{ rule: 'comparison', to: `${left} ${boundary[operator]} ${right}` }];
  if (operator in logic) return [{ rule: 'logic', to: `(${left}) ${logic[operator]} (${right})` }];
  if (!(operator in arithmetic)) return [];
  const changed: Change = { rule: 'arithmetic', to: `(${left}) ${arithmetic[operator]} (${right})` };
  if (operator !== '/') return [changed];
  return [changed, { rule: 'rounding', to: `((${left}) + (${right}) - 1) / (${right})` }];
}

/** Changes to a statement: to leave it out, to turn a sum into a difference, to count the other way. */
export function statementChanges(node: Node, text: TextOf): readonly Change[] {
  const dropped: Change = { rule: 'statement', to: '' };
  const expression = node['expression'] as Node;
  const operator = expression['operator'] as string;
  if (expression.nodeType === 'Assignment' && isPointer(expression)) return [];
  if (expression.nodeType === 'Assignment' && operator in assignment) {
    const left = text(expression['leftHandSide'] as Node);
    const right = text(expression['rightHandSide'] as Node);
    return [dropped, { rule: 'arithmetic', to: `${left} ${assignment[operator]} ${right};` }];
  }
  if (expression.nodeType === 'UnaryOperation' && (operator === '++' || operator === '--')) {
    const other = operator === '++' ? '--' : '++';
    return [dropped, { rule: 'arithmetic', to: `${other}${text(expression['subExpression'] as Node)};` }];
  }
  return [dropped];
}

/** Without its assignment a pointer points nowhere, and the source does not compile. */
const isPointer = (node: Node): boolean => / (storage pointer|calldata)$/.test(node.typeDescriptions?.typeString ?? '');

/** A changed field of an event: the nearest other value of its type. Undefined for types that have none. */
export function fieldChange(argument: Node, text: TextOf): Change | undefined {
  const type = argument.typeDescriptions?.typeString ?? '';
  const own = text(argument);
  const to = otherValue(type, own);
  return to === undefined ? undefined : { rule: 'event', to };
}

function otherValue(type: string, own: string): string | undefined {
  if (/^uint\d+$/.test(type)) return `${type}(${own}) ^ 1`;
  if (type.startsWith('int_const')) return `uint256(${own}) ^ 1`;
  if (type === 'bytes32') return `~(${own})`;
  if (type.startsWith('address')) return `address(uint160(address(${own})) ^ 1)`;
  if (type === 'bytes calldata' || type === 'bytes memory') return `bytes.concat(${own}, hex'00')`;
  const [, name] = /^enum (?:\w+\.)?(\w+)$/.exec(type) ?? [];
  return name ? `${name}(uint8(${own}) == 0 ? 1 : uint8(${own}) - 1)` : undefined;
}

/** The parties that could stand in for one another, by the type of what names them. */
const parties: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'IChannels.Channel': {
    payer: ['payerSigner', 'provider'],
    payerSigner: ['payer', 'providerSigner'],
    provider: ['providerSigner', 'payer'],
    providerSigner: ['provider', 'payerSigner'],
  },
  'IDisputes.Dispute': { challenger: ['provider'], provider: ['challenger'] },
};

/** A party's address taken for another's. As the signer who is asked for, every other one is tried. */
export function partyChanges(node: Node, isSigner: boolean, text: TextOf): readonly Change[] {
  const owner = node['expression'] as Node;
  const [, type] = /^struct ([\w.]+)/.exec(owner.typeDescriptions?.typeString ?? '') ?? [];
  const kin = type === undefined ? undefined : parties[type];
  const member = node['memberName'] as string;
  if (!kin?.[member]) return [];
  const others = isSigner ? Object.keys(kin).filter((other) => other !== member) : kin[member];
  return others.map((other) => ({ rule: isSigner ? 'signer' : 'party', to: `${text(owner)}.${other}` }));
}

/** Whether a node is the signer handed to `Signatures.isFrom` or `Signatures.check`. */
export function isSignerArgument(node: Node, parent: Node | undefined): boolean {
  if (parent?.nodeType !== 'FunctionCall') return false;
  const called = parent['expression'] as Node;
  if (called.nodeType !== 'MemberAccess' || !['isFrom', 'check'].includes(called['memberName'] as string)) return false;
  if ((called['expression'] as Node)['name'] !== 'Signatures') return false;
  const first = (parent['arguments'] as readonly Node[])[0];
  return first !== undefined && spanOf(first).start === spanOf(node).start;
}
