import { TabloomError } from '#lib/base/errors.ts';
import {
  add,
  divide,
  floor,
  formatRational,
  modulo,
  multiply,
  power,
  rational,
  squareRoot,
  subtract,
  type Rational,
} from './rational.ts';

const lengthMax = 1_000;
/** Parentheses, signs and powers within each other. */
const depthMax = 100;
const half = rational(1n, 2n);

type Functions = Readonly<Record<string, (...values: readonly Rational[]) => Rational>>;

/**
 * Works out an expression of numbers, `+ - * / % ^`, parentheses and `sqrt abs floor ceil round min max`, in fractions of whole
 * numbers of any size: 0.1 + 0.2 is 0.3. A result that is not exact begins with ≈.
 * @throws `calculation-unreadable`, `calculation-too-large`, `calculation-inexact`, `division-by-zero`.
 */
export function calculate(expression: string): string {
  if (expression.length > lengthMax)
    throw new TabloomError('calculation-too-large', `An expression has at most ${lengthMax} characters.`);
  const tokens = tokensOf(expression);
  let at = 0;
  let depth = 0;
  let exact = true;

  const functions: Functions = {
    sqrt: (value) => {
      const { root, exact: ends } = squareRoot(value!);
      exact &&= ends;
      return root;
    },
    abs: (value) => (value!.over < 0n ? rational(-value!.over, value!.under) : value!),
    floor: (value) => floor(value!),
    ceil: (value) => subtract(rational(0n), floor(subtract(rational(0n), value!))),
    round: (value) => floor(add(value!, half)),
    min: (...values) => values.reduce((a, b) => (subtract(a, b).over <= 0n ? a : b)),
    max: (...values) => values.reduce((a, b) => (subtract(a, b).over >= 0n ? a : b)),
  };

  const take = (token: string): boolean => tokens[at] === token && ++at > 0;
  const expect = (token: string) => {
    if (!take(token)) throw unreadable(`"${token}" is missing`);
  };
  const within = <T>(read: () => T): T => {
    if (++depth > depthMax) throw unreadable('it is nested too deeply');
    const value = read();
    depth--;
    return value;
  };

  function sum(): Rational {
    let value = product();
    for (;;) {
      if (take('+')) value = add(value, product());
      else if (take('-')) value = subtract(value, product());
      else return value;
    }
  }

  function product(): Rational {
    let value = signed();
    for (;;) {
      if (take('*')) value = multiply(value, signed());
      else if (take('/')) value = divide(value, signed());
      else if (take('%')) value = modulo(value, signed());
      else return value;
    }
  }

  // As in mathematics, -2^2 is -4, and 2^3^2 is 2^9.
  function signed(): Rational {
    if (take('-')) return subtract(rational(0n), within(signed));
    if (take('+')) return within(signed);
    const base = atom();
    return take('^') ? power(base, within(signed)) : base;
  }

  function atom(): Rational {
    const token = tokens[at++];
    if (token === undefined) throw unreadable('it ends too early');
    if (token === '(') {
      const value = within(sum);
      expect(')');
      return value;
    }
    if (/^[\d.]/.test(token)) return numberOf(token);
    const known = Object.hasOwn(functions, token) ? functions[token] : undefined;
    if (!known) throw unreadable(`"${token}" is not known`);
    expect('(');
    const values = [within(sum)];
    while (take(',')) values.push(within(sum));
    expect(')');
    if (values.length > 1 && token !== 'min' && token !== 'max') throw unreadable(`${token} takes one number`);
    return known(...values);
  }

  const value = sum();
  if (at < tokens.length) throw unreadable(`"${tokens[at]}" is not expected`);
  return `${exact ? '' : '≈ '}${formatRational(value)}`;
}

function tokensOf(expression: string): readonly string[] {
  const plain = expression
    .replaceAll('**', '^')
    .replaceAll(/[×·]/g, '*')
    .replaceAll('÷', '/')
    .replaceAll('−', '-')
    .trim();
  const tokens = plain.match(/\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|[a-z]+|[-+*/%^(),]|\S/gi) ?? [];
  return tokens.map((token) => token.toLowerCase());
}

function numberOf(token: string): Rational {
  const found = /^(\d*)\.?(\d*)(?:e([+-]?\d+))?$/.exec(token);
  if (!found || `${found[1]}${found[2]}` === '') throw unreadable(`"${token}" is no number`);
  const [, whole = '', fraction = '', exponent = '0'] = found;
  const scaled = power(rational(10n), rational(BigInt(exponent.replace('+', '')) - BigInt(fraction.length)));
  return multiply(rational(BigInt(whole + fraction)), scaled);
}

const unreadable = (why: string) =>
  new TabloomError('calculation-unreadable', `The expression cannot be read: ${why}. Write it like (1.5 + 2) * 3^2.`);
