import { expect, test } from 'vitest';
import { keyCommand, policyLines, writeSnippet } from './snippet.ts';

const relay = 'https://relay.example';

test('one script with what was set', () => {
  expect(writeSnippet('script', relay, { key: 'pk_1', greeting: 'Say "hi" & <b>', heading: ' ' })).toBe(
    `<script src="${relay}/widget.js" async\n  data-key="pk_1"\n  data-greeting="Say &quot;hi&quot; &amp; &lt;b&gt;"></script>`,
  );
});

test('an element, whose key has a name that frameworks leave alone', () => {
  expect(writeSnippet('element', relay, { key: 'pk_1', heading: 'Help' })).toBe(
    `<script src="${relay}/widget.js" data-mount="none" async></script>\n` +
      `<tabloom-chat\n  api-key="pk_1"\n  shape="inline"\n  heading="Help"></tabloom-chat>`,
  );
});

test('a frame of the relay, which sends nothing elsewhere', () => {
  const snippet = writeSnippet('frame', relay, {
    key: 'pk_1',
    endpoint: 'https://x.example',
    heading: 'A & B',
    context: 'main',
  });
  expect(snippet).toContain(`src="${relay}/frame?api-key=pk_1&amp;heading=A+%26+B"`);
  expect(snippet).toContain('title="A &amp; B"');
  expect(snippet).not.toContain('x.example');
});

test('what a policy needs, and how a key is made', () => {
  expect(policyLines('script', relay)).toBe(`script-src ${relay}; connect-src ${relay}`);
  expect(policyLines('frame', relay)).toBe(`frame-src ${relay}`);
  expect(keyCommand('script', relay)).toContain('--origins https://your-site.example --requests-per-day 500');
  expect(keyCommand('frame', relay)).toContain(`--origins https://your-site.example,${relay} `);
});
