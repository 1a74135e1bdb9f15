import { describe, expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';
import { constraintOf, grammarAfter } from './constraint.ts';
import { accepts } from './grammar/remainder.ts';

const schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
const tools = [{ name: 'add', parameters: JSON.stringify(schema) }, { name: 'now' }];
const format = { type: 'json-schema', schema: JSON.stringify({ type: 'array', items: { type: 'null' } }) } as const;
const add = '<tool_call>\n{"name": "add", "arguments": {"n": 1}}\n</tool_call>';
const now = '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>';

const constraint = (params: Partial<GenerationParams>, offered: typeof tools | undefined = tools) =>
  constraintOf({
    kind: 'chat',
    input: { messages: [{ role: 'user', content: 'Hello' }], ...(offered ? { tools: offered } : {}) },
    params: { maxTokens: 9, ...params },
  });
const allowed = (params: Partial<GenerationParams>, ...texts: readonly string[]) =>
  texts.filter((text) => accepts(constraint(params).grammar!, text));

describe('tool calls', () => {
  test.each<[string, Partial<GenerationParams>, readonly string[], readonly string[]]>([
    ['required', { toolChoice: { type: 'required' } }, [add, now], ['', 'Hello', `${add}\n${now}`, `Hello ${add}`]],
    [
      'required, many',
      { toolChoice: { type: 'required' }, parallelToolCalls: true },
      [`${add}\n${now}`],
      [`${add}${now}`],
    ],
    ['named', { toolChoice: { type: 'named', name: 'now' } }, [now], [add]],
    [
      'auto',
      {},
      ['', 'Hello', 'a < b <tool_', add, `Hello\n${add}\n${now}`, `<${now}`],
      [`${add} more`, `<tool_call>x`],
    ],
    ['auto, one', { parallelToolCalls: false }, [add], [`${add}\n${now}`]],
    ['auto with a format', { responseFormat: format }, ['[]', '[null]', add], ['Hello', '{}']],
  ])('%s', (_, params, good, bad) => {
    expect(allowed(params, ...good, ...bad)).toEqual(good);
  });

  test('with toolChoice none, only the response format applies', () => {
    const none = { toolChoice: { type: 'none' } } as const;
    expect(constraint(none)).toEqual({ grammar: undefined, tools: [], warnings: [] });
    expect(allowed({ ...none, responseFormat: format }, '[]', add)).toEqual(['[]']);
  });

  test('arguments whose schema cannot be enforced may be any object, with a warning', () => {
    const loose = [{ name: 'add', parameters: '{"type":"object","minProperties":1}' }];
    const { warnings, grammar } = constraint({ toolChoice: { type: 'required' } }, loose);
    expect(warnings).toMatchObject([{ type: 'warning', code: 'tool-schema-unchecked' }]);
    expect(accepts(grammar!, add)).toBe(true);
  });

  test.each<[string, Partial<GenerationParams>, typeof tools | undefined]>([
    ['a function that is not among the tools', { toolChoice: { type: 'named', name: 'other' } }, tools],
    ['a call without tools', { toolChoice: { type: 'required' } }, undefined],
  ])('%s is refused', (_, params, offered) => {
    const code = (() => {
      try {
        return constraintOf({
          kind: 'chat',
          input: { messages: [], ...(offered ? { tools: offered } : {}) },
          params: { maxTokens: 9, ...params },
        }).warnings.length;
      } catch (error) {
        return errorCode(error);
      }
    })();
    expect(code).toBe('bad-request');
  });
});

test('the rest of a resumed answer is constrained by its beginning', () => {
  const { grammar } = constraint({ toolChoice: { type: 'required' } });
  const rest = grammarAfter(grammar!, add.slice(0, 30));
  expect(accepts(rest, add.slice(30))).toBe(true);
  expect(accepts(rest, add)).toBe(false);
});
