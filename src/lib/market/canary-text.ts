import type { Random } from '#lib/base/random.ts';

/**
 * How a question looks, as far as it says nothing of what it is about. A canary that copies it from a real one cannot be told by
 * its length or its manners.
 */
export interface Surface {
  readonly characters: number;
  readonly words: number;
  readonly longestWord: number;
  /** How many articles, pronouns, auxiliaries, prepositions and question words, in some groups. */
  readonly small: readonly number[];
  /** The first word, if it is one that anybody's question may begin with. */
  readonly opening: string;
  readonly isCapitalised: boolean;
  readonly ending: (typeof endings)[number];
  /** Whether there is a digit, a comma, an apostrophe. */
  readonly marks: readonly boolean[];
}

const endings = ['?', '.', '!', ''] as const;
const openings = new Set(
  (
    'how what who where when why which is are was do does did can could should will must whats i you my it the a tell give show help ' +
    'explain list write translate say count name hi hello hey so ok thanks please'
  ).split(' '),
);
const smallWords = [
  'a an the',
  'i you my me it your we they',
  'is are was be have',
  'do does did',
  'to of in for on',
  'and or with at from',
  'what who which',
  'how why',
  'where when',
  'can could',
].map((words) => new Set(words.split(' ')));
const marks = [/\d/, /,/, /['’]/] as const;

/** Longer questions are copied by several sentences, up to so much. */
const charactersMax = 2_000;
/** Of these the one is taken that looks most alike. */
const draws = 256;

export function surfaceOf(text: string): Surface {
  const words = wordsOf(text);
  const first = words[0]?.toLowerCase() ?? '';
  return {
    characters: Math.min(charactersMax, text.length),
    words: words.length,
    longestWord: Math.max(0, ...words.map(({ length }) => length)),
    small: smallWords.map((some) => words.filter((word) => some.has(word.toLowerCase())).length),
    opening: openings.has(first) ? first : '',
    isCapitalised: /^\p{Lu}/u.test(text),
    ending: endings.find((one) => one !== '' && text.endsWith(one)) ?? '',
    marks: marks.map((mark) => mark.test(text)),
  };
}

const wordsOf = (text: string): readonly string[] => text.match(/[\p{L}\p{N}'’]+/gu) ?? [];

/**
 * A question whose answer is checked. Made from templates with random slots, of as many kinds as people ask about, so that hardly
 * two of any length are alike; nothing of any person's prompt is in it but its {@link Surface}.
 */
export function canaryText(random: Random, surface: Surface): string {
  const drawn = (before: string) => {
    const texts = Array.from({ length: draws }, () => before + sentence(random, surface));
    const ranked = texts.map((text) => ({ text, off: distance(surfaceOf(text), surface) }));
    return ranked.reduce((best, one) => (one.off < best.off ? one : best)).text;
  };
  let text = drawn('');
  while (surface.characters - text.length > sentenceCharacters) text = drawn(`${text}. `);
  const first = text[0]!;
  return `${surface.isCapitalised ? first.toUpperCase() : first}${text.slice(1)}${surface.ending}`;
}

/** What is missing of a length from where on another sentence makes it more alike. */
const sentenceCharacters = 24;

const distance = (one: Surface, other: Surface): number =>
  Math.abs(one.characters - other.characters) +
  2 * Math.abs(one.words - other.words) +
  2 * Math.abs(one.longestWord - other.longestWord) +
  (one.opening === other.opening ? 0 : 12) +
  4 * one.small.reduce((sum, count, at) => sum + Math.abs(count - other.small[at]!), 0) +
  4 * one.marks.filter((mark, at) => mark !== other.marks[at]).length;

function sentence(random: Random, { ending }: Surface): string {
  const any = <T>(of: readonly T[]): T => of[Math.floor(random.float() * of.length)]!;
  const isQuestion = ending === '?' || (ending === '' && random.float() < 0.6);
  const filled = any(isQuestion ? questions : requests).replace(/\{(\w+)\}/g, (_slot, name: string) =>
    name === 'number' ? String(1 + Math.floor(random.float() ** 2 * 40)) : any(slots[name as keyof typeof slots]),
  );
  return `${random.float() < 0.12 ? any(openers) : ''}${filled}${random.float() < 0.1 ? any(closers) : ''}`;
}

const list = (words: string): readonly string[] => words.split('|').map((word) => word.trim());

const slots = {
  thing: list(`
  bread|coffee|the moon|an umbrella|chess|the piano|a candle|glass|honey|a bicycle|the ocean|snow|a mirror|my phone|a password|my laptop|a website|email|wifi|the fridge|a battery|soap|a rainbow|thunder|paper|a printer|salt|tea|a passport|my garden|tomatoes|sleep|jazz|a podcast|a headache|pasta|rice|a spreadsheet|the keyboard|the weather|gravity|photosynthesis|the french revolution|a birthday cake|the stock market |
  tabloom|this|this site|this page|it|my prompt|my chat|my question|my data|my computer|my gpu|a gpu|the relay|a model|the model|a peer|the network|an account|an api key|a receipt|the answer|my browser|a tab|the verified tier|tiers|the open tier|the app|sharing|my history|the settings|dark mode|a wallet|my device|other people|an old laptop|a conversation|the internet|my messages|somebody else's machine|this thing|the confidential tier|private mode|the price of a model|a different model|my earnings|the queue|a provider|the source code|answers|tokens|a share link|my files|a picture|the widget|
  tabloom|this|this site|this page|it|my prompt|my chat|my question|my data|my computer|my gpu|a gpu|the relay|a model|the model|a peer|the network|an account|an api key|a receipt|the answer|my browser|a tab|the verified tier|tiers|the open tier|the app|sharing|my history|the settings|dark mode|a wallet|my device|other people|an old laptop|a conversation|the internet|my messages|somebody else's machine|this thing|the confidential tier|private mode|the price of a model|a different model|my earnings|the queue|a provider|the source code|answers|tokens|a share link|my files|a picture|the widget
  `),
  noun: list(
    'dog|river|table|house|city|teacher|mouse|story|child|leaf|train|window|baker|knife|king|tooth|box|photo|party|key',
  ),
  adjective: list(
    'small|old|quiet|cold|heavy|bright|warm|early|plain|cheap|happy|slow|easy|empty|late|rich|dry|soft|deep|open',
  ),
  country: list(
    'France|Spain|peru|Japan|Norway|chile|Egypt|kenya|Italy|canada|Poland|iceland|india|Cuba|greece|Brazil',
  ),
  language: list('french|German|spanish|Italian|dutch|Polish|swedish|Portuguese'),
  phrase: list(
    'good night|thank you|see you soon|how are you|happy birthday|where is the station|one more please|i am lost',
  ),
  person: list(
    'newton|Cleopatra|mozart|Marie Curie|darwin|the pope|Gandhi|picasso|Homer|the mayor|my boss|my neighbour',
  ),
  verb: list(
    'share|lend|use|ask|see|read|trust|pay for|turn off|try|find|stop|run|check|export|change|understand|explain|cook|clean|repair|draw|sell|learn|paint|count|carry|return|share|install|delete|print|record|save|move|open|close',
  ),
  time: list('today|tonight|in winter|on sunday|in the morning|at night|this year|next week'),
  place: list('at home|in the city|on a train|at work|by the sea|in the garden|abroad|online'),
} as const;

/** Those that may carry a question mark. */
const questions = list(`
  when does {thing} {verb} | when is {thing} {adjective} | when can i {verb} {thing} | when do you {verb} | when will {thing} be {adjective} | when did {person} live |
  who {verb}s {thing} | who else has {thing} | who needs {thing} | who is going to {verb} it | who wants to {verb} {thing} | who would {verb} {thing} | who told you about {thing} |
  you there | you know {thing} | you like {thing} or {thing} | you have {thing} | you {verb} {thing} too | or is it {adjective} | where did you get {thing} | where are {noun}s {adjective} |
  does it use {thing} | does the {noun} {verb} automatically | is my connection {adjective} | is someone watching {thing} | are downloads {adjective} | is the documentation {adjective} | will everything be {adjective} {time} |
  what is {thing} | whats {thing} | what does {thing} do | what is {thing} made of | who made {thing} | who was {person} |
  who is {person} | who are you | why | how come | how much is {thing} | how old is {person} | how do i {verb} {thing} |
  how to {verb} {thing} | how do you {verb} {thing} | how many {noun}s are there | how does {thing} work |
  how far is {country} | how long does {thing} last | is {thing} {adjective} | is {thing} safe |
  is it {adjective} {time} | is there {thing} {place} | is {thing} worth it or not |
  is it {adjective} in {country} {time} | can i {verb} {thing} | can i {verb} {thing} {time} | can you {verb} {thing} |
  can {person} {verb} {thing} | could i {verb} it {place} | can i use {thing} {place} | can others see {thing} |
  do i need {thing} | do i have to {verb} {thing} | does {thing} cost anything | do you like {thing} |
  do people {verb} {thing} {place} | does it {verb} {thing} too | did {person} like {thing} | what time is it |
  what day is {time} | what should i {verb} {time} | what happens if i {verb} {thing} |
  what happens to {thing} when i {verb} it | what is the capital of {country} | capital of {country} |
  what is {number} plus {number} | {number} times {number} | whats {number} minus {number} |
  which is more, {number} or {number} | what rhymes with {noun} | opposite of {adjective} |
  whats the opposite of {adjective} | another word for {adjective} | plural of {noun} | where is {country} |
  where do i find {thing} | where can i {verb} {thing} | when should i {verb} {thing} | when was {person} born |
  which {noun} is the most {adjective} | which {thing} should i use | will {thing} get {adjective} |
  must i {verb} {thing} first | should i {verb} {thing} or not | what if {thing} is {adjective} | what if i lose {thing} |
  anything about {thing} | any good {noun} to {verb} | know any {noun} jokes | you ok | are you a {noun} |
  are you {adjective} | what do you know about {thing} | what makes {thing} so {adjective} | who owns {thing} |
  who pays for {thing} | who sees {thing} | why is {thing} so {adjective} | why does {thing} {verb} |
  how is {thing} {time} | what is a {noun} | what's the difference between {thing} and {thing} |
  what's the best way to {verb} {thing} | is it true that {person} could {verb} {thing} |
  my {noun} asked me about {thing}, what do i say | what's {thing} | what's {thing} for | what's a {noun} |
  what's new {place} | who's {person} | who's going to {verb} {thing} | where's {thing} | where's {country} |
  how's {thing} {time} | how's your {noun} | isn't {thing} {adjective} | don't you {verb} {thing} |
  can't you {verb} {thing} | can't i {verb} {thing} {time} | why can't i {verb} {thing} | why isn't {thing} {adjective} |
  why don't you {verb} {thing} | does {thing} {verb} my {noun} | i'm new, what is {thing} |
  i don't get {thing}, what does it do | is {thing} the same as {thing} | are {noun}s {adjective} |
  are my {noun}s {adjective} {place} | are there {adjective} {noun}s in {country} | was {person} {adjective} |
  does anybody {verb} {thing} {time} | do you have {thing} | do you {verb} {thing} or only {thing} |
  do i {verb} {thing} with {thing} | would {person} {verb} {thing} | would you {verb} {thing} | has {thing} got a {noun} |
  have you got {thing} | whose {noun} is it | which {noun}s are {adjective} | which {noun} do you {verb} |
  which of them is {adjective} | how {adjective} is {thing} | how {adjective} is it {time} |
  how often should one {verb} {thing} | how many {noun}s in {country} | how much {thing} is too much | and {thing} |
  and {time} | really | is that so | am i {adjective} | any {noun}s {place} | got {thing} | the {noun} of {country}
`);

const requests = list(`
  a {noun} | a {adjective} {noun} | a poem about {thing} | a joke | a story about {person} | a recipe for {thing} | a name for my {noun} | a {noun} and a {noun} |
  you should {verb} {thing} | you forgot {thing} | you said {thing} is {adjective} | you can {verb} it | tell me | tell me when to {verb} | tell me who made {thing} | tell a {noun} joke |
  greetings | interesting | understood | excellent {noun} | wonderful | goodbye for now | much better | something {adjective} | instructions for {thing} | information about {country} |
  download {thing} | uninstall {thing} | temperature {place} | difference between {thing} and {thing} | advantages of {thing} | alternatives to {thing} | requirements for {thing} |
  hi | hello | hey there | good morning | thanks | thank you so much | ok | got it | bye | you are {adjective} |
  that was {adjective} | nice {noun} | never mind | tell me about {thing} | tell me a joke |
  tell me a story about a {noun} | tell me something {adjective} | tell me more about {country} | explain {thing} |
  explain {thing} in simple words | explain {thing} again | describe {thing} in one sentence |
  describe a {adjective} {noun} | write a poem about {thing} | write a short note to {person} |
  write one line about a {adjective} {noun} | give me {number} words for {adjective} | give me a recipe with {thing} |
  give me an example of a {noun} | translate {phrase} into {language} | say {phrase} in {language} |
  how to say {phrase} in {language} | spell {noun} backwards | spell {person} | count to {number} |
  count down from {number} | count from {number}, slowly please | list {number} things to {verb} | list some {noun}s |
  name a {noun} | name three {noun}s | show me {thing} | show me {thing} | help me {verb} {thing} |
  help me with {thing} | help me write to {person} | i want to {verb} {thing} | i need {thing} {time} |
  i would like to {verb} {thing} {place} | i do not understand {thing} | i forgot {thing} | i lost {thing} |
  my {noun} is {adjective} | my {noun} does not {verb} | nothing happens when i {verb} {thing} | it is too {adjective} |
  it is very {adjective} {place} | please {verb} {thing} | please {verb} it again | remind me to {verb} {thing} {time} |
  recommend a {noun} | compare {thing} and {thing} | summarize {thing} in a few words | make it {adjective} |
  a {noun} for {person} | the meaning of {thing} | {thing} | {thing} {place} | {thing} in {country} | {adjective} {noun} |
  {noun}s of {country} | let me {verb} {thing} | turn off {thing} {time} | stop | again | continue | more about {thing} |
  something about {person} | someone told me about {thing} | just {verb} {thing}, nothing else | i'm {adjective} |
  i'm not {adjective} {time} | i don't {verb} {thing} | i don't know {thing} | i can't {verb} {thing} |
  i can't find {thing} | i've got {thing} | i'd like to {verb} {thing} | i'd like {thing} {time} | it's {adjective} |
  it's not {adjective} enough | it doesn't {verb} | that's {adjective} | that's not {thing} | don't {verb} {thing} |
  let's {verb} {thing} | let's talk about {thing} | {thing} isn't {adjective} | {thing} won't {verb} |
  my {noun}'s {adjective} | you're {adjective} | you're a {adjective} {noun} | the {noun} is too {adjective} |
  the {noun} went {adjective} {time} | the {adjective} {noun} does not {verb} | no {thing} {place} |
  no idea about {thing} | nothing about {thing} | all about {thing} | how to {verb} {thing} |
  how to {verb} {thing} {place} | why {thing} | what {thing} means | good {noun}s {place} | best {noun} for {thing} |
  need help with {thing} | looking for a {adjective} {noun} | thinking about {thing} {time} | trying to {verb} {thing} |
  teach me {language} | teach me to {verb} {thing} | find {thing} | find me a {noun} | open {thing} | draw a {noun} |
  play {thing} | make a {noun} of {thing} | quote {person} on {thing} | say "{phrase}" in {language} |
  translate "{phrase}" to {language} | what does "{phrase}" mean | spell "{noun}" | sort these: {noun}, {noun}, {noun} |
  put {noun}, {noun} and {noun} in order
`);

const openers = list('so | ok | hi | hey | please | hello | ok so | hey, | hi, | so,').map((one) => `${one} `);
const closers = list('please|for me|again|right now|quickly|then|thanks|exactly').map((one) => ` ${one}`);
