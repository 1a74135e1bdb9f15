import { expect, test } from 'vitest';
import { toHtml, toHtmlWithFormulas } from './html.ts';
import { splitMath } from './math.ts';

const html = (block: string) => toHtml(block).trim();

test('a footnote is marked in the text and stands below it, whatever its first word is', () => {
  expect(html('It is so.[^1] And **so**[^12].')).toBe(
    '<p>It is so.<sup>[1]</sup> And <strong>so</strong><sup>[12]</sup>.</p>',
  );
  // One word alone would else be the address of a link, and shown nowhere.
  expect(html('[^1]: Wikipedia.')).toBe('<p data-note><sup>1</sup> Wikipedia.</p>');
  expect(html('[^1]: See *this*\nand that.\n[^2]: Another.')).toBe(
    '<p data-note><sup>1</sup> See <em>this</em><br>and that.</p>\n<p data-note><sup>2</sup> Another.</p>',
  );
  expect(html('A text.[^1]\n[^1]: Its note.')).toBe(
    '<p>A text.<sup>[1]</sup></p>\n<p data-note><sup>1</sup> Its note.</p>',
  );
});

test('what is indented below a note belongs to it, and what follows a blank line does not', () => {
  expect(html('[^a]: One.\n\n    Two.')).toBe('<p data-note><sup>a</sup> One.<br>Two.</p>');
  expect(html('[^a]: One.\n\nTwo.')).toBe('<p data-note><sup>a</sup> One.</p>\n<p>Two.</p>');
});

test('expressions, code and links are none, and a label is no markup', () => {
  expect(html('[^a-z] and `[^1]`')).toBe('<p>[^a-z] and <code>[^1]</code></p>');
  expect(html('[1](https://a)')).toBe('<p><a href="https://a">1</a></p>');
  expect(html('[^<b>]: x')).toBe('<p data-note><sup>&lt;b&gt;</sup> x</p>');
});

test('a note may hold a formula', () => {
  const rendered = toHtmlWithFormulas(splitMath('[^1]: As \\(x\\).'), (tex) => `<math>${tex}</math>`);
  expect(rendered.trim()).toBe('<p data-note><sup>1</sup> As <math>x</math>.</p>');
});
