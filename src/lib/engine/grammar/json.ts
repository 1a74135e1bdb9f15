import { all, any, charClass, optional, repeated, rule, text, type Expression } from './grammar.ts';

/** JSON (RFC 8259) as rules, on one line with at most one space after separators. */
export const space = optional(text(' '));
export const comma = all(text(','), space);
export const colon = all(text(':'), space);

const digit = charClass('09');
const hex = charClass('09', 'af', 'AF');

/** Everything but quotes, backslashes, control characters and surrogates. */
const plain: Expression = {
  chars: [
    [0x20, 0x21],
    [0x23, 0x5b],
    [0x5d, 0x7e],
    [0xa0, 0xd7ff],
    [0xe000, 0xfffd],
    [0x1_0000, 0x10_ffff],
  ],
};

/** Four hexadecimal digits outside the surrogate range, so that one escape is one character, as schemas count them. */
const unicode = any(
  all(charClass('09', 'ac', 'ef', 'AC', 'EF'), hex, hex, hex),
  all(charClass('dd', 'DD'), charClass('07'), hex, hex),
);

const fraction = all(text('.'), { of: digit, min: 1, max: 15 });

/** Rules shared by every JSON grammar. */
export const jsonRules: readonly (readonly [string, Expression])[] = [
  [
    'char',
    any(
      plain,
      all(text('\\'), any(charClass('""', '\\\\', '//', 'bb', 'ff', 'nn', 'rr', 'tt'), all(text('u'), unicode))),
    ),
  ],
  ['string', all(text('"'), repeated(rule('char'), 0), text('"'))],
  ['natural', any(text('0'), all(charClass('19'), { of: digit, min: 0, max: 14 }))],
  ['integer', all(optional(text('-')), rule('natural'))],
  [
    'number',
    all(
      rule('integer'),
      optional(fraction),
      optional(all(charClass('ee', 'EE'), optional(charClass('++', '--')), { of: digit, min: 1, max: 2 })),
    ),
  ],
  ['boolean', any(text('true'), text('false'))],
  ['value', any(rule('string'), rule('number'), rule('boolean'), text('null'), rule('array'), rule('object'))],
  ['array', listOf(rule('value'))],
  ['object', mapOf(rule('value'))],
];

/** An array of any length. */
function listOf(item: Expression): Expression {
  return all(text('['), optional(all(item, { of: all(comma, item), min: 0 })), text(']'));
}

/** An object with any member names. */
export function mapOf(value: Expression): Expression {
  const member = all(rule('string'), colon, value);
  return all(text('{'), optional(all(member, { of: all(comma, member), min: 0 })), text('}'));
}
