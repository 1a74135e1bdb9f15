import { expect, test } from 'vitest';
import { toHtml, toHtmlWithFormulas } from './html.ts';
import { splitMath } from './math.ts';

const formula = (tex: string) => `<math title="a" onclick="b">${tex}</math>`;
const html = (block: string) => toHtmlWithFormulas(splitMath(block), formula).trim();

test('a formula in running text becomes markup, also in emphasis, headings, lists and tables', () => {
  expect(html('It is **\\(x\\)** here')).toBe(`<p>It is <strong>${formula('x')}</strong> here</p>`);
  expect(html('$$\n- a\n+ b\n$$')).toBe(`<p>${formula('- a\n+ b')}</p>`);
  for (const block of ['# \\(x\\)', '- \\(x\\)', '> \\(x\\)', '| a |\n|---|\n| \\(x\\) |', '[\\(x\\)](https://a)'])
    expect(html(block)).toContain(formula('x'));
});

test('in an attribute it stays source text and cannot end the attribute', () => {
  expect(html('[x](https://a "t $$y$$ u")')).toBe('<p><a href="https://a" title="t $$y$$ u">x</a></p>');
  expect(html('[x](https://a "t $$"><b>$$ u")')).not.toContain('<b>');
  expect(html('[x](https://a/$$y$$)')).toBe('<p><a href="https://a/$$y$$">x</a></p>');
});

test('in code and image descriptions it stays source text', () => {
  expect(html('    code $$y$$')).toBe('<pre><code>code $$y$$\n</code></pre>');
  expect(html('![alt $$y$$](https://a/b.png)')).toBe('<p>alt $$y$$</p>');
  expect(html('<b title="$$y$$">')).toBe('&lt;b title=&quot;$$y$$&quot;&gt;');
});

test('a placeholder written by the model has no effect', () => {
  expect(html('\u{E000}1\u{E001} \\(x\\)')).toBe(`<p>1 ${formula('x')}</p>`);
});

test('D2: a task list keeps its boxes, a table its alignment', () => {
  expect(toHtml('- [ ] open\n- [x] **done**\n- neither')).toBe(
    '<ul>\n<li data-task>☐ open</li>\n<li data-task>☑ <strong>done</strong></li>\n<li>neither</li>\n</ul>\n',
  );
  expect(toHtml('| a | b |\n|:-:|--:|\n| 1 | 2 |')).toContain('<td align="center">1</td>\n<td align="right">2</td>');
});
