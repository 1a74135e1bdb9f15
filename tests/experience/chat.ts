import type { Claim } from './claim.ts';

const story = 'tests/e2e/story.spec.ts';
const kept = 'a conversation has an address: reload, Back, another tab, versions, and deleting with undo';
const conversation = 'src/lib/state/conversation.svelte.test.ts';
const conversations = 'src/lib/state/conversations.svelte.test.ts';
const transcript = 'src/lib/state/transcript.test.ts';
const library = 'tests/e2e/library.spec.ts';
const ownWords = 'prompts by a slash, tags and an archive, a note about the user, and what to ask next';
const besides = 'two models side by side, a file that is dropped, a picture of the camera, and an offer to install';

export const chat: readonly Claim[] = [
  {
    row: 'chat',
    claim: 'Conversations have addresses, and lead there from Back, reload, a link and a second tab',
    proofs: [
      [conversations, 'an address leads to its conversation, and says so where there is none'],
      [story, kept],
    ],
  },
  {
    row: 'chat',
    claim: 'A question is edited and an answer asked for again, each as a version',
    proofs: [
      [conversation, 'asking again keeps the answer there was, and what followed it, as a version'],
      [conversation, 'an edited question is asked in its place, with what came before it and not what came after'],
      [story, kept],
    ],
  },
  {
    row: 'chat',
    claim: 'Two models are compared side by side',
    proofs: [
      [conversation, 'two targets are asked the same at once, as two versions, and the one that is kept goes on'],
      ['src/lib/boot/history.test.ts', 'two versions that are compared are still compared after a reload'],
      [library, besides],
    ],
  },
  {
    row: 'chat',
    claim: 'Instructions, parameters and presets go along with every question',
    proofs: [[conversation, 'instructions and parameters of the conversation go along with every question']],
  },
  {
    row: 'chat',
    claim: 'Rename, pin, folders',
    proofs: [
      [conversations, 'a title and a pin stay, on screen or not, and pinned ones come first'],
      ['src/lib/boot/history.test.ts', 'a folder that cannot be one costs the folder, not the conversation'],
    ],
  },
  {
    row: 'chat',
    claim: 'Tags and an archive: found by search and palette, kept by exports',
    proofs: [
      [conversations, 'tags and what is put away stay, on screen or not, and can be taken back'],
      ['src/lib/state/search-index.test.ts', 'a tag narrows what is found'],
      [
        transcript,
        'an export of everything holds the folder, the tags and what is put away, and what is given away does not',
      ],
      [library, ownWords],
    ],
  },
  {
    row: 'chat',
    claim: 'Own prompts by a slash, with fields, kept on the device, from and to files',
    proofs: [
      ['src/lib/state/prompts.test.ts', 'each field is asked for once, and filled wherever it stands'],
      ['src/lib/state/prompts.test.ts', 'what is exported is read again, and what Open WebUI exports'],
      [library, ownWords],
    ],
  },
  {
    row: 'chat',
    claim: 'A note about the user stands first in new conversations, and in private ones only if chosen',
    proofs: [
      [conversation, 'the note about the user stands first in new conversations, unless it is switched off'],
      [
        conversation,
        'the note goes with no conversation that is older than it, nor with a private one that was not told to',
      ],
      [library, ownWords],
    ],
  },
  {
    row: 'chat',
    claim: 'What could be asked next is asked only of the peer that answered, for nothing, and only if switched on',
    proofs: [
      [
        'src/lib/state/follow-ups.test.ts',
        'only whoever has answered is asked, for nothing, and is told what it knows',
      ],
      [
        conversation,
        'what could be asked next is asked for where that is switched on, and forgotten once the conversation goes on',
      ],
      [library, ownWords],
    ],
  },
  {
    row: 'chat',
    claim: 'Everything is searched, also begun or misspelt words, and never in private mode',
    proofs: [
      [
        'src/lib/state/search-index.test.ts',
        'words of questions, answers and titles are found, begun or misspelt, and all of them have to occur',
      ],
      ['src/lib/state/search-index.test.ts', 'what has changed is read again, and nothing is searched in private mode'],
      [story, kept],
    ],
  },
  {
    row: 'chat',
    claim: 'Import of our JSON, Open WebUI’s and ChatGPT’s; export as JSON and Markdown',
    proofs: [
      [transcript, 'an export of everything comes back with every version, the same id and what was on screen'],
      [transcript, 'ChatGPT: versions, tool calls and questions without an answer are read'],
      [transcript, 'Open WebUI: the tree and the instructions are read'],
      [transcript, 'Markdown is what is on screen'],
    ],
  },
  {
    row: 'chat',
    claim: 'A link holds a conversation in its fragment, and nothing is uploaded',
    proofs: [
      [transcript, 'a link holds the conversation, and a damaged one is refused'],
      ['src/lib/ui/shell/export-conversation.test.ts', 'a conversation goes into a file or a link, and nowhere else'],
      [story, kept],
    ],
  },
  {
    row: 'chat',
    claim: 'Text, code and CSV are read on the device; of a long one the passages that match go, and it is said',
    proofs: [
      [
        'src/lib/ui/chat/attaching.svelte.test.ts',
        'what is no text, or too long, is refused by its name and never cut',
      ],
      [
        'src/lib/state/attachment.test.ts',
        'of a text that is too long the passages that match go, in its order, and it is said how many',
      ],
      [story, kept],
    ],
  },
  {
    row: 'chat',
    claim: 'Passages are found by meaning where a peer computes it, once the user has agreed',
    proofs: [
      [conversation, 'passages are found by meaning only once the user has agreed, under the terms of the question'],
      ['src/lib/state/rank-by-meaning.test.ts', 'what means the same comes first, though no word is the same'],
      [
        'src/lib/state/rank-by-meaning.test.ts',
        'over the network every passage gets its vector, all from one of the peers',
      ],
      [story, kept],
    ],
    lacks: 'a model that was trained for vectors: the bundled one only compares words',
  },
  {
    row: 'chat',
    claim: 'Thoughts are folded, with how long they took',
    proofs: [
      ['src/lib/state/thoughts.test.ts', 'thinking lasts from the first thought to the first word of the answer'],
      [conversation, 'how long the model thought is kept with the turn'],
    ],
  },
  {
    row: 'chat',
    claim: 'Tables, task lists, formulas and footnotes',
    proofs: [
      ['src/lib/ui/markdown/html.test.ts', 'D2: a task list keeps its boxes, a table its alignment'],
      [
        'src/lib/ui/markdown/html.test.ts',
        'a formula in running text becomes markup, also in emphasis, headings, lists and tables',
      ],
      [
        'src/lib/ui/markdown/footnotes.test.ts',
        'a footnote is marked in the text and stands below it, whatever its first word is',
      ],
    ],
  },
  {
    row: 'chat',
    claim: 'The palette finds pages, models, actions, conversations and messages',
    proofs: [
      [
        'src/lib/ui/shell/models-to-find.test.ts',
        'what answers now comes first, also what only peers have, and each model once',
      ],
      ['tests/e2e/looks.spec.ts', 'everything on the main path can be done with the keyboard alone'],
      [story, kept],
    ],
  },
  {
    row: 'chat',
    claim: 'A conversation of thousands of turns opens at its end and stays fluid',
    proofs: [
      [conversation, 'five thousand turns are opened, shown and asked after; the newest that fit are sent'],
      ['src/lib/ui/chat/turn-window.test.ts', 'a conversation opens at its end and grows upwards'],
      ['src/lib/ui/chat/turn-window.test.ts', 'the end is reached step by step or at once, and not passed'],
    ],
  },
  {
    row: 'chat',
    claim: 'Calculator, clock and a script runner without a network, on the device',
    proofs: [
      ['src/lib/state/tools/calculator.test.ts', 'is exact where floating point is not'],
      ['src/lib/state/tools/toolbox.test.ts', 'each tool answers its call'],
      [
        'workers/script/run-script.test.ts',
        'there is no network, page, file or timer, and nothing is left for the next script',
      ],
      ['workers/script/run-script.test.ts', 'what never ends is stopped, and the next script runs'],
      [conversation, 'what a model calls is run, and it is asked again with the results'],
    ],
  },
  {
    row: 'chat',
    claim: 'Dictation and reading aloud, where the browser has them and the user has agreed',
    proofs: [
      ['src/lib/ui/speech/dictating.svelte.test.ts', 'no recogniser is made before the user has agreed'],
      [
        'src/lib/ui/speech/reading-aloud.svelte.test.ts',
        'stopping always stops, and an end that comes late reads nothing further',
      ],
    ],
  },
  {
    row: 'chat',
    claim: 'The thread changes colour at the character where another peer went on',
    proofs: [
      ['src/lib/ui/chat/thread.test.ts', 'the colour changes at the character where another peer continued'],
      [
        'tests/e2e/resume.spec.ts',
        'two tabs closed in the middle of an answer: it goes on, and the thread changes colour at that character',
      ],
    ],
  },
  {
    row: 'chat',
    claim: 'What an answer costs stands below it',
    proofs: [
      ['tests/e2e/paid.spec.ts', 'a tab sets a price and another pays it: deposit, cost, earnings, and the way out'],
    ],
  },
  {
    row: 'chat',
    claim: 'Private: nothing is kept, and each conversation has a key of its own',
    proofs: [
      [conversations, 'in private mode nothing is saved, and each conversation starts with a new key'],
      [
        'src/lib/boot/sessions.test.ts',
        'a job that comes while a fresh key is made does not go out under the one before',
      ],
    ],
  },
  {
    row: 'chat',
    claim: 'Drafts survive, and everything can be done with the keyboard',
    proofs: [
      [
        'src/lib/ui/chat/conversation-draft.svelte.test.ts',
        'each conversation has its own draft, and what was typed first stays',
      ],
      ['tests/e2e/looks.spec.ts', 'everything on the main path can be done with the keyboard alone'],
    ],
  },
  {
    row: 'chat',
    claim: 'Chrome’s own model as a rung, by its documented interface, never lent',
    proofs: [
      [
        'src/lib/widget/device-rungs.test.ts',
        'the browser’s own model is asked by the documented interface, and let go',
      ],
    ],
    lacks: 'a browser that has such a model: the interface is a stub',
  },
  {
    row: 'chat',
    claim: 'PDF is read on the device, by page, and why one cannot be read is said',
    proofs: [
      ['workers/pdf/read-pdf.test.ts', 'the text of each page, and where it begins'],
      ['workers/pdf/read-pdf.test.ts', 'what is no PDF, or a broken one, is told from one that takes a password'],
      ['src/lib/ui/chat/attaching.svelte.test.ts', 'why a PDF was not read stands with its name'],
    ],
  },
  {
    row: 'chat',
    claim:
      'Office documents are read on the device by page, sheet and slide; archives that unpack to too much are refused',
    proofs: [
      ['workers/office/read-office.test.ts', 'a workbook: each sheet by its name, columns in place, dates as dates'],
      ['workers/office/read-office.test.ts', 'OpenDocument: text, spreadsheet and presentation'],
      ['workers/office/read-office.test.ts', 'why one cannot be read is told apart'],
      [
        'workers/office/read-office.test.ts',
        'what unpacks to far more than it is, has too many files, or is too long, is refused',
      ],
    ],
  },
  {
    row: 'chat',
    claim: 'Documents are kept on the device, attached again, and searched with a question only where one says so',
    proofs: [
      ['src/lib/boot/shelf.test.ts', 'documents are listed by name without their texts, and read one by one'],
      [
        'src/lib/boot/shelf.test.ts',
        'documents are no part of a conversation, are exported, and go when everything is deleted',
      ],
      ['src/lib/state/search-shelf.test.ts', 'the room is kept to, whatever matches'],
      [
        'tests/e2e/documents.spec.ts',
        'an Office document is read here, kept here, and found again for a question of another conversation',
      ],
    ],
  },
  {
    row: 'chat',
    claim:
      'Tools of servers (MCP) are added by the user, asked for before each call, and end nothing else when they fail',
    proofs: [
      ['src/lib/boot/tool-servers.test.ts', 'only a tool that is allowed is called, by its own name'],
      ['src/lib/boot/tool-servers.test.ts', 'what opens a server is not exported, and goes with everything else'],
      ['src/lib/boot/mcp-client.test.ts', 'a server that hangs is given up, and what is stopped ends at once'],
      [
        'tests/e2e/tool-servers.spec.ts',
        'a tool server is added, its tools allowed one by one, and each call is asked for, shown, and can be refused',
      ],
    ],
  },
  {
    row: 'chat',
    claim: 'Pictures are drawn anew on the device, and go where somebody sees',
    proofs: [
      [
        'src/lib/ui/chat/picture.test.ts',
        'a picture is drawn anew on white, no longer than models can use, and never enlarged',
      ],
      [
        'src/lib/state/pictures.test.ts',
        'a question takes its pictures along, and a model that sees none is told that there were some',
      ],
    ],
    lacks: 'a model that sees: the pictures go to doubles',
  },
];
