import type { Claim } from './claim.ts';

const sharing = 'src/lib/boot/run-sharing.test.ts';
const story = 'tests/e2e/story.spec.ts';
const lends = 'A lends its engine; B reads an answer that streams directly from A; curl does too; Stop ends it on A';
const alone = 'tests/e2e/alone.spec.ts';
const offline = 'nothing is fetched before consent; then this device answers, and offline too with the relay gone';
const looks = 'tests/e2e/looks.spec.ts';
const clean = 'every page is clean from 390 to 1440 px, light and dark';
const widget = 'tests/e2e/widget.spec.ts';

export const sharingAndNetwork: readonly Claim[] = [
  {
    row: 'sharing',
    claim: 'What it costs is said before it begins; the meter runs; Stop stops',
    proofs: [
      [story, lends],
      [sharing, 'stopping now cuts off what runs and frees a model that was loaded for it'],
      [sharing, 'finishing takes nothing new and stops by itself once nothing runs'],
    ],
  },
  {
    row: 'sharing',
    claim: 'Battery, hours, memory, disk, and while one is away',
    proofs: [
      [sharing, 'a device on battery begins paused'],
      ['src/lib/boot/schedule.test.ts', 'hours begin with their first minute and end before their last'],
      ['src/lib/boot/model-limits.test.ts', 'a model that takes more memory than allowed is refused'],
      ['src/lib/boot/presence.test.ts', 'shares while nobody uses the device, and pauses as soon as somebody does'],
    ],
  },
  {
    row: 'sharing',
    claim: 'What was given is kept by day and model',
    proofs: [
      [
        'src/lib/boot/given-book.test.ts',
        'what was given is summed by day and model, also after the page was opened anew',
      ],
    ],
  },
  {
    row: 'sharing',
    claim: 'The tone that keeps a hidden tab awake is off by default, and said to play only where it does',
    proofs: [
      ['src/lib/boot/background-tone.test.ts', 'off by default, and not said to play where the browser refuses'],
    ],
  },
  {
    row: 'sharing',
    claim: 'Direct where it can be, and where it is relayed, why',
    proofs: [
      [story, lends],
      [
        'tests/e2e/network.spec.ts',
        'where no direct way is found the answer comes through the relay, and the page says so',
      ],
    ],
  },
  {
    row: 'network',
    claim: 'What a peer claims of tiers is looked up while its row is on screen',
    proofs: [
      [
        'tests/e2e/verified.spec.ts',
        'a page asks verified peers only and shows what it looked up; a tab judges once the network names it',
      ],
      [
        'src/lib/boot/tiers.test.ts',
        'rows are told what was found of each claim; what claims nothing, or was not looked up, stands in none',
      ],
      [
        'src/lib/ui/network/directory-rows.test.ts',
        'a tier above the open one is shown as claimed, until it was looked up',
      ],
    ],
  },
  {
    row: 'network',
    claim: 'The directory is sorted by price and by speed',
    proofs: [
      ['src/lib/ui/network/directory-rows.test.ts', 'sorted by speed, unmeasured last'],
      ['src/lib/ui/network/directory-rows.test.ts', 'sorted by price, exact past 2^53'],
    ],
  },
  {
    row: 'network',
    claim: 'A model that nobody shares can be asked for, and whoever could share it sees that',
    proofs: [
      ['src/lib/boot/wishes.test.ts', 'a page sees what is wished for, and follows it only while it looks'],
      [
        'src/lib/ui/share/wanted.test.ts',
        'what others ask for and fits is said, most wishes first, as wishes and not as people',
      ],
      [
        'tests/integration/peer/wishes.test.ts',
        'a peer knows all topics of its relay, and a wish goes through the relay to whoever looks',
      ],
    ],
  },
  {
    row: 'network',
    claim: 'Charts of what the relay and this page saw',
    proofs: [
      [
        'src/lib/ui/network/activity.test.ts',
        'jobs are counted in the stretch in which they ended, and quiet stretches are there',
      ],
    ],
  },
  {
    row: 'network',
    claim: 'Who answered, by what both have signed, with names that their owners chose',
    proofs: [
      ['src/lib/boot/receipted.test.ts', 'the work of each peer is what both have signed, most tokens first'],
      ['src/lib/ui/network/nicknames.test.ts', 'names are those of peers that are here and have chosen one'],
    ],
  },
  {
    row: 'network',
    claim: 'A page for each peer: what it says of itself, and what was seen of it',
    proofs: [
      ['src/lib/ui/network/peer-facts.test.ts', 'what it says of itself has no address in it'],
      ['src/lib/ui/network/peer-facts.test.ts', 'a bond is said with what it is worth, and not where nothing is known'],
      ['src/lib/boot/bond.test.ts', 'a bond counts for the peer that its account names, and no other'],
      [
        'src/lib/ui/network/peer-facts.test.ts',
        'what was not seen is said to be none, and problems are counted by their code',
      ],
    ],
  },
  {
    row: 'models',
    claim: 'Found by use, language, size, speed and price; the address keeps the filters',
    proofs: [
      ['src/lib/ui/models/filters.test.ts', 'filters survive the address they are written to'],
      ['src/lib/ui/models/filters.test.ts', 'what nobody shares has no price and no speed, so it is not cheap or fast'],
    ],
  },
  {
    row: 'models',
    claim: 'The catalogue is what the pinned WebLLM lists, and GGUF files come by address and hash',
    proofs: [
      ['workers/webllm/catalog.test.ts', 'the catalog lists nothing that the pinned WebLLM does not, and as it does'],
      [
        'src/lib/boot/own-model.test.ts',
        'a GGUF file has the size that its server states and the hash that its owner gave',
      ],
    ],
  },
  {
    row: 'doctor',
    claim: 'Reasons, what to do, and a report without private data',
    proofs: [
      ['src/lib/ui/doctor/checks.test.ts', 'what is missing is reported with advice'],
      ['src/lib/ui/doctor/checks.test.ts', 'the report contains no address, full peer id or key'],
    ],
  },
  {
    row: 'doctor',
    claim: 'Real weights on a GPU, in every run',
    proofs: [],
    lacks: 'a GPU where the tests run; see docs/SHOWN.md',
  },
];

export const appAndWidget: readonly Claim[] = [
  {
    row: 'PWA',
    claim: 'A button of ours where the browser offers to install, a hint in Safari, nothing where it is installed',
    proofs: [
      ['src/lib/boot/install.test.ts', 'an offer of the browser is shown, and asked once'],
      [
        'tests/e2e/library.spec.ts',
        'two models side by side, a file that is dropped, a picture of the camera, and an offer to install',
      ],
    ],
  },
  {
    row: 'PWA',
    claim: 'Offline: each page opens, and the device answers',
    proofs: [[alone, offline]],
  },
  {
    row: 'PWA',
    claim:
      'Other apps share text, PDF files and pictures into a question, and nothing is asked before its owner says so',
    proofs: [
      ['tests/manifest.test.ts', 'what the chat reads can be shared with it and opened in it: %s'],
      ['src/lib/boot/received.test.ts', 'a photograph or a PDF file of many megabytes is handed over'],
      ['src/lib/boot/received.test.ts', 'files that are too many or too large are counted, not lost in silence'],
      [alone, offline],
    ],
  },
  {
    row: 'PWA',
    claim: 'Answers that end out of sight are counted on the badge',
    proofs: [['src/lib/boot/badge.test.ts', 'answers that end out of sight are counted until the page is seen']],
  },
  {
    row: 'PWA',
    claim: 'The manifest’s pictures are there, small and of its sizes',
    proofs: [
      [
        'tests/manifest.test.ts',
        'the pictures are small, of the size and type that the manifest states, and of both forms',
      ],
    ],
  },
  {
    row: 'PWA',
    claim: 'The first page is painted before its code has come, and what is pressed meanwhile counts',
    proofs: [[looks, 'a press that comes before the page runs counts once it does']],
  },
  {
    row: 'PWA',
    claim: 'An address that is none is a 404, with a way back',
    proofs: [[alone, offline]],
  },
  {
    row: 'PWA',
    claim: 'An update is offered and loses nothing: the draft is there after it',
    proofs: [[alone, 'D3: a part of the page that cannot be fetched says so in its place, and comes when it can']],
  },
  {
    row: 'PWA',
    claim: 'Whatever is stored, the page opens and answers',
    proofs: [[alone, 'what is stored may be anything: the page opens, answers, and keeps what can be kept']],
  },
  {
    row: 'PWA',
    claim: 'Slow 3G and a processor four times slower: the first token within 20 s',
    proofs: [],
    lacks: 'a test: `npm run bench -- slow` measures it',
  },
  {
    row: 'languages',
    claim: 'Five languages with every text and plural, and nothing written outside the catalogue',
    proofs: [
      [
        'tests/texts.test.ts',
        'every text of the catalogue is shown somewhere, and every text of the pages is in the catalogue',
      ],
      ['src/lib/ui/language/languages.test.ts', 'the first language of the browser that the interface speaks'],
      [looks, clean],
    ],
  },
  {
    row: 'languages',
    claim: 'From right to left where that is how it is written',
    proofs: [
      [
        'tests/styles.test.ts',
        'what stands at a side is named by the direction of writing, so that Arabic pages are mirrored',
      ],
      [
        'src/lib/widget/language.test.ts',
        'texts of another language are marked as such, and those from right to left turn the chat round',
      ],
    ],
  },
  {
    row: 'widget',
    claim: 'One script on a strict page: keyboard, streaming, Stop, kept, and down the ladder',
    proofs: [
      ['src/lib/widget/ladder.test.ts', 'goes down a rung at each failure, and says which failed'],
      [widget, 'one script: asked by keyboard, streamed, stopped, kept, and down the ladder when the relay is gone'],
    ],
  },
  {
    row: 'widget',
    claim: 'On a foreign origin it can only ask; the visitor’s device answers in the frame, after consent',
    proofs: [
      [widget, 'the frame: nothing is loaded unasked, the visitor’s own device answers, and it shares with nobody'],
    ],
  },
  {
    row: 'widget',
    claim: 'Keys of pages are bound to origins and a daily budget',
    proofs: [
      ['relay/gateway/access.test.ts', 'needs origins and a daily cap'],
      ['src/lib/widget/store.test.ts', 'so many questions a day, and again the next day'],
    ],
  },
  {
    row: 'widget',
    claim: 'Examples for HTML, React, Svelte, Vue and WordPress are pages that ask',
    proofs: [[widget, 'each example is a page that asks and hears the answer']],
  },
  {
    row: 'model',
    claim: 'The bundled model: the same greedy answer in every engine, and JSON under a grammar',
    proofs: [
      ['tests/integration/demo-model.test.ts', "greedy answers are the trainer's, token by token, to the same end"],
      ['tests/e2e/engine/wllama.spec.ts', 'greedy answers are the trainer’s'],
      ['scripts/demo-model/claims.test.ts', 'tiers that are not there are said not to be there'],
    ],
  },
  {
    row: 'walk',
    claim: 'Browse models, choose, pay, get a key, curl',
    proofs: [
      ['tests/e2e/paid.spec.ts', 'a tab sets a price and another pays it: deposit, cost, earnings, and the way out'],
      ['relay/gateway/credits.test.ts', 'a key of a wallet pays from its account, one of the operator not at all'],
    ],
  },
  {
    row: 'tiers',
    claim: 'Verified peers alone may be required; bond and audits stand beside the answer, and a tab may judge',
    proofs: [
      [
        'tests/e2e/verified.spec.ts',
        'a page asks verified peers only and shows what it looked up; a tab judges once the network names it',
      ],
    ],
    lacks: 'audits that ran for their hours: the relay’s book is written beforehand',
  },
  {
    row: 'look',
    claim: 'Every page is clean to axe from 390 to 1440 px, light and dark, in every language',
    proofs: [
      [looks, clean],
      [looks, 'every page is clean in every language, on a phone by day and on a desk by night'],
      ['tests/e2e/tabs.spec.ts', 'two models are shared from one tab, both answer, and one stop ends both'],
    ],
  },
];
