import type { Claim } from './claim.ts';

const story = 'tests/e2e/story.spec.ts';
const alone = 'tests/e2e/alone.spec.ts';
const looks = 'tests/e2e/looks.spec.ts';
const conversations = 'src/lib/state/conversations.svelte.test.ts';
const conversation = 'src/lib/state/conversation.svelte.test.ts';

/** What was once wrong with the tab and its pages, each as what must be so. */
export const faults: readonly Claim[] = [
  {
    row: 'fault D1',
    claim: 'In private mode nothing that was kept is opened, and a question goes out alone',
    proofs: [
      [conversations, 'D1: in private mode no saved conversation is opened or sent, however it is requested'],
      [conversations, 'D1: a saved conversation still loading when private mode starts does not open'],
      [story, 'D1: in private mode a full load opens nothing that was kept, and a question goes out alone'],
    ],
  },
  {
    row: 'fault D2',
    claim: 'Formulas, task lists, tables and thoughts are shown as what they are',
    proofs: [
      ['src/lib/ui/markdown/formula.test.ts', 'MathML without the TeX source, displayed or inline'],
      ['src/lib/ui/markdown/html.test.ts', 'D2: a task list keeps its boxes, a table its alignment'],
      ['src/lib/state/thoughts.test.ts', 'D2: reasoning is separated from the answer'],
      [
        'src/lib/state/thoughts.test.ts',
        'D2: while the model reasons there is no answer, and a partial tag is not shown',
      ],
      ['tests/styles.test.ts', 'D2: mathematics has its font, code no ligatures'],
      ['tests/styles.test.ts', 'D2: text of people and models is written in its own direction'],
    ],
  },
  {
    row: 'fault D3',
    claim: 'A part that cannot be loaded says so in its place, and comes when it can',
    proofs: [
      [
        'src/lib/base/part.test.ts',
        'D3: a part that cannot be fetched fails with a code and says what to do; one that can is given',
      ],
      [
        'src/lib/boot/service-worker.test.ts',
        'D3: a newer version that waits is offered again when a part of this one is missing',
      ],
      [alone, 'D3: a part of the page that cannot be fetched says so in its place, and comes when it can'],
      [
        alone,
        'D3: whichever file of a first answer is missing, the page says so and lives; the page for errors needs none of them',
      ],
    ],
  },
  {
    row: 'fault D4',
    claim: 'Storage that throws, and a composition that Safari ends, cost nothing',
    proofs: [
      [alone, 'D4: a browser that keeps nothing and throws at the look is told of in a sentence, and everything works'],
      ['src/lib/ui/chat/composing.test.ts', 'D4: in Safari only key code 229 tells that Enter ends a composition'],
    ],
  },
  {
    row: 'fault D5',
    claim: 'Deleting can be undone, the focus stays, a long paste is whole, and a cut answer goes on',
    proofs: [
      [conversations, 'a deleted conversation can be put back with everything in it'],
      [story, 'a conversation has an address: reload, Back, another tab, versions, and deleting with undo'],
      [looks, 'everything on the main path can be done with the keyboard alone'],
      [
        'src/lib/ui/chat/attaching.svelte.test.ts',
        'a long pasted text becomes an attachment, a short one stays text, and a table is no picture',
      ],
      [conversation, 'an answer that was cut off at the limit goes on in the next turn, any other does not'],
      [
        'src/lib/ui/chat/figures.test.ts',
        'D5: an answer without a word is said to be empty, also where the model only thought',
      ],
    ],
  },
  {
    row: 'fault D6',
    claim: 'Conversations have addresses: Back, reload, a second tab; an answer goes on while one looks elsewhere',
    proofs: [
      [
        conversations,
        'an answer goes on while another conversation is on screen, and opening it again shows the same one',
      ],
      [conversations, 'what another tab saves appears, in the list and on screen, and what it deletes goes'],
      [story, 'a conversation has an address: reload, Back, another tab, versions, and deleting with undo'],
    ],
  },
  {
    row: 'fault D7',
    claim: 'Nothing jumps, and no task is long, while an answer streams',
    proofs: [[looks, 'every page is clean from 390 to 1440 px, light and dark']],
    lacks: 'long tasks, and the layout of longer answers, which are measured by `npm run bench` and not tested',
  },
  {
    row: 'fault D8',
    claim: 'Pages do not contradict themselves: one warning once, a 404 that is a 404, a curl that works',
    proofs: [
      [
        'src/lib/ui/models/obstacles.test.ts',
        'D8: a warning shared by several models is shown once, a unique one stays with its model',
      ],
      ['src/lib/ui/doctor/checks.test.ts', 'relays come before peers, and are not counted as peers'],
      [
        'relay/gateway/app.test.ts',
        'what the site does not have is said in JSON to a program and by the site to a visitor',
      ],
      ['tests/integration/relay/native-provider.test.ts', 'the printed curl is one that works'],
      [alone, 'nothing is fetched before consent; then this device answers, and offline too with the relay gone'],
    ],
  },
  {
    row: 'fault D9',
    claim: 'Stop is always heard, a guest announces nothing, the size comes first, and tabs connect directly',
    proofs: [
      [
        'src/lib/boot/run-sharing.test.ts',
        'D9: a stop during the benchmark is a stop: nothing is announced, and the model that came for it goes',
      ],
      [
        'src/lib/boot/run-sharing.test.ts',
        'D9: the key that goes to another tab during the benchmark ends it: a guest announces nothing',
      ],
      ['src/lib/boot/library.test.ts', 'a load says its size before the first byte comes'],
      ['tests/e2e/tabs.spec.ts', 'D9: Cancel ends sharing while the speed is measured, and nothing is announced'],
      [story, 'A lends its engine; B reads an answer that streams directly from A; curl does too; Stop ends it on A'],
    ],
  },
  {
    row: 'fault D10',
    claim: 'A wrong clock is measured, corrected and said',
    proofs: [
      [
        'src/lib/boot/clock-offset.test.ts',
        'D10: a worker five minutes ahead is listed and answers, and an asker five minutes behind sees it',
      ],
      ['src/lib/ui/doctor/checks.test.ts', 'D10: reports a clock offset and which relays confirm listing this device'],
      ['tests/e2e/tabs.spec.ts', 'D10: a worker five minutes ahead is listed and answers an asker five minutes behind'],
    ],
  },
  {
    row: 'fault D11',
    claim: 'A page on a local address reaches its relay',
    proofs: [
      [
        'tests/integration/net/stranger.test.ts',
        'D11: a page reaches its relay on a local address, and no other address there on a stranger’s word',
      ],
    ],
  },
  {
    row: 'fault D12',
    claim: 'Sizes, answers and peers are counted as they are',
    proofs: [
      ['src/lib/boot/library.test.ts', 'D12: an own model has the size that its publisher lists'],
      [
        'src/lib/boot/library.test.ts',
        'D12: an own model whose size nobody says is of unknown size, and never "here already"',
      ],
      [
        'src/lib/peer/serve/provide-running.test.ts',
        'D12: cancel stops the engine within one token, settles for what was delivered, and counts as no answer',
      ],
      [
        'src/lib/boot/network-view.test.ts',
        'D12: a model that is loaded and not shared is served by nobody; shared, by one',
      ],
    ],
  },
  {
    row: 'fault D13',
    claim: 'The bundled model claims what is there, and answers what it never saw',
    proofs: [
      ['scripts/demo-model/claims.test.ts', 'every line about the product rests on a claim'],
      ['scripts/demo-model/claims.test.ts', 'every claim is said, and what it rests on is there'],
      ['tests/integration/demo-model.test.ts', 'strangers’ questions are answered on topic, at least so often'],
    ],
  },
  {
    row: 'fault D14',
    claim: 'A device too slow for its askers is not offered, and the measurement destroys nothing',
    proofs: [
      [
        'src/lib/boot/benchmark.test.ts',
        'D14: a first word after 60 s is too slow, and the engine is left to end by itself',
      ],
      [
        'src/lib/boot/benchmark.test.ts',
        'D9, D14: a stop ends it at once, and what the engine reads is not interrupted',
      ],
      [
        'src/lib/boot/run-sharing.test.ts',
        'D14: a device too slow for the askers’ patience is not offered, says why, and still answers itself',
      ],
    ],
  },
];
