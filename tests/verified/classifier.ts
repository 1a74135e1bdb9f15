/** How many of the counts say how a question looks; the others, words and letters, say also what it is about. */
export const countsOfLooks = 45;

/** What a worker could count of a question without understanding it. */
export function countsOf(text: string): readonly number[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
  const share = (pattern: RegExp) => (text.match(pattern)?.length ?? 0) / Math.max(1, text.length);
  const letters = text.toLowerCase().replace(/[^a-z]/g, '');
  const common =
    'a an the is are do does i you my me it to of in for on and or with what how can who why where when which tell'.split(
      ' ',
    );
  return [
    Math.log(1 + text.length),
    text.length / 50,
    words.length / 10,
    letters.length / Math.max(1, words.length) / 5,
    Math.max(0, ...words.map(({ length }) => length)) / 10,
    new Set(words).size / Math.max(1, words.length),
    ...[/\p{Lu}/gu, /\p{N}/gu, /[.,:;!?]/g, /['"]/g, / /g, /,/g, /[aeiou]/g].map(share),
    ...[/\?$/, /\.$/, /!$/, /^\p{Lu}/u, /\d/].map((pattern) => (pattern.test(text) ? 1 : 0)),
    ...common.map((word) => (words[0] === word ? 1 : 0)),
    ...common.map((word) => words.filter((one) => one === word).length / Math.max(1, words.length)),
    ...[...'abcdefghijklmnopqrstuvwxyz'].map(
      (letter) => letters.split(letter).length / Math.max(1, letters.length) - 1 / Math.max(1, letters.length),
    ),
  ];
}

export interface Example {
  readonly counts: readonly number[];
  readonly isCanary: boolean;
}

export type Classifier = (counts: readonly number[]) => boolean;

const steps = 100;
const rate = 0.5;
const decay = 1e-3;

/** Logistic regression over standardised counts by plain gradient descent; the same every time. */
export function trainClassifier(examples: readonly Example[]): Classifier {
  const width = examples[0]!.counts.length;
  const mean = (at: number) => examples.reduce((sum, { counts }) => sum + counts[at]!, 0) / examples.length;
  const means = Array.from({ length: width }, (_, at) => mean(at));
  const scales = means.map((middle, at) => {
    const variance = examples.reduce((sum, { counts }) => sum + (counts[at]! - middle) ** 2, 0) / examples.length;
    return variance > 1e-12 ? 1 / Math.sqrt(variance) : 0;
  });
  const scaled = (counts: readonly number[]) =>
    Float64Array.from(counts, (one, at) => (one - means[at]!) * scales[at]!);
  const given = examples.map(({ counts, isCanary }) => ({ x: scaled(counts), y: isCanary ? 1 : 0 }));
  const weights = new Float64Array(width);
  let bias = 0;
  const odds = (x: Float64Array) => {
    let sum = bias;
    for (let at = 0; at < width; at++) sum += weights[at]! * x[at]!;
    return sum;
  };
  for (let step = 0; step < steps; step++) {
    const slope = new Float64Array(width);
    let slopeOfBias = 0;
    for (const { x, y } of given) {
      const error = 1 / (1 + Math.exp(-odds(x))) - y;
      slopeOfBias += error;
      for (let at = 0; at < width; at++) slope[at]! += error * x[at]!;
    }
    bias -= (rate * slopeOfBias) / given.length;
    for (let at = 0; at < width; at++) weights[at]! -= rate * (slope[at]! / given.length + decay * weights[at]!);
  }
  return (counts) => odds(scaled(counts)) > 0;
}

/** The share of examples told apart by classifiers that were trained on the other folds. */
export function toldApart(examples: readonly Example[], folds: number): number {
  let right = 0;
  for (let fold = 0; fold < folds; fold++) {
    const tell = trainClassifier(examples.filter((_, at) => at % folds !== fold));
    right += examples.filter(({ counts, isCanary }, at) => at % folds === fold && tell(counts) === isCanary).length;
  }
  return right / examples.length;
}
