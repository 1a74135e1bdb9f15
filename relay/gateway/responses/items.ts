import type { JobState } from '#lib/peer/session/job-state.ts';
import type { Logprob, Part } from '#lib/protocol/part.ts';
import { finishReason, isRefusal } from '../answer.ts';
import { writeLogprob } from '../chat.ts';

/** One item of an answer: reasoning, a message or a function call. */
export type OutputItem = Readonly<Record<string, unknown>>;

export interface ItemOptions {
  /** The job's: items are named after it. */
  readonly id: string;
  /** `given`: where a summary of the reasoning is asked for, all of it is given as its summary too. */
  readonly summary: 'given' | 'omitted';
}

export interface ItemWriter {
  /** The events of a part. */
  write(part: Part): string;
  /** The events that end the items still open, and with them the answer. */
  close(state: JobState): string;
  items(): readonly OutputItem[];
}

type Status = 'in_progress' | 'completed' | 'incomplete';

interface Reasoning {
  readonly type: 'reasoning';
  readonly id: string;
  text: string;
}
interface Message {
  readonly type: 'message';
  readonly id: string;
  /** What its text is. */
  readonly form: 'answer' | 'refusal';
  text: string;
  readonly logprobs: Logprob[];
}
interface Call {
  readonly type: 'function_call';
  readonly id: string;
  readonly callId: string;
  readonly name: string;
  json: string;
}
type Item = Reasoning | Message | Call;

/** The items of a whole answer, in the order of a stream. */
export function itemsOf(state: JobState, options: ItemOptions): readonly OutputItem[] {
  const { reasoning, text, toolCalls, logprobs } = state.output;
  const form = isRefusal(state) ? 'refusal' : 'answer';
  const items: Item[] = [];
  if (reasoning !== '') items.push({ type: 'reasoning', id: itemId('rs', options, 0), text: reasoning });
  if (text !== '' || toolCalls.length === 0) {
    items.push({ type: 'message', id: itemId('msg', options, items.length), form, text, logprobs: [...logprobs] });
  }
  for (const { id, name, arguments: json } of toolCalls) {
    items.push({ type: 'function_call', id: itemId('fc', options, items.length), callId: id, name, json });
  }
  return items.map((item) => writeItem(item, 'completed', options));
}

const itemId = (prefix: string, { id }: ItemOptions, index: number) => `${prefix}_${id}_${index}`;

function writeItem(item: Item, status: Status, { summary }: ItemOptions): OutputItem {
  const { type, id } = item;
  switch (item.type) {
    case 'reasoning':
      return {
        type,
        id,
        status,
        summary: summary === 'given' && item.text !== '' ? [summaryPart(item.text)] : [],
        content: item.text === '' ? [] : [{ type: 'reasoning_text', text: item.text }],
      };
    case 'message':
      return {
        type,
        id,
        status,
        role: 'assistant',
        content: status === 'in_progress' ? [] : [messagePart(item)],
      };
    case 'function_call':
      return { type, id, status, call_id: item.callId, name: item.name, arguments: item.json };
  }
}

const messagePart = ({ form, text, logprobs }: Pick<Message, 'form' | 'text' | 'logprobs'>) =>
  form === 'refusal'
    ? { type: 'refusal', refusal: text }
    : { type: 'output_text', text, annotations: [], logprobs: logprobs.map(writeLogprob) };

const summaryPart = (text: string) => ({ type: 'summary_text', text });

/**
 * Writes an answer's parts as the events of its items. Reasoning and text end where something else begins; calls, whose
 * fragments may alternate, end with the answer.
 */
export function createItemWriter(options: ItemOptions, event: (type: string, body: object) => string): ItemWriter {
  const items: Item[] = [];
  const closed = new Map<Item, Status>();
  const calls: Call[] = [];
  /** The reasoning or text being written. */
  let current: Reasoning | Message | undefined;
  let form: Message['form'] = 'answer';

  const place = (item: Item) => ({ item_id: item.id, output_index: items.indexOf(item) });
  const open = <I extends Item>(item: I): I => {
    items.push(item);
    return item;
  };
  const added = (item: Item) =>
    event('response.output_item.added', {
      output_index: items.indexOf(item),
      item: writeItem(item, 'in_progress', options),
    });
  const done = (item: Item, status: Status) => {
    closed.set(item, status);
    const written = writeItem(item, status, options);
    return event('response.output_item.done', { output_index: items.indexOf(item), item: written });
  };

  const begin = (type: 'reasoning' | 'message'): string => {
    if (current?.type === type) return '';
    const ended = end('completed');
    if (type === 'reasoning') {
      current = open({ type, id: itemId('rs', options, items.length), text: '' });
      const summed = { ...place(current), summary_index: 0, part: summaryPart('') };
      const summary = options.summary === 'given' ? event('response.reasoning_summary_part.added', summed) : '';
      const part = { ...place(current), content_index: 0, part: { type: 'reasoning_text', text: '' } };
      return ended + added(current) + event('response.content_part.added', part) + summary;
    }
    current = open({ type, id: itemId('msg', options, items.length), form, text: '', logprobs: [] });
    const part = { ...place(current), content_index: 0, part: messagePart(current) };
    return ended + added(current) + event('response.content_part.added', part);
  };

  const end = (status: Status): string => {
    if (!current) return '';
    const item = current;
    current = undefined;
    const at = { ...place(item), content_index: 0 };
    if (item.type === 'message') {
      const part = messagePart(item);
      const text =
        item.form === 'refusal'
          ? event('response.refusal.done', { ...at, refusal: item.text })
          : event('response.output_text.done', { ...at, text: item.text, logprobs: item.logprobs.map(writeLogprob) });
      return text + event('response.content_part.done', { ...at, part }) + done(item, status);
    }
    const { text } = item;
    const summed = { ...place(item), summary_index: 0 };
    const summary =
      options.summary === 'given'
        ? event('response.reasoning_summary_text.done', { ...summed, text }) +
          event('response.reasoning_summary_part.done', { ...summed, part: summaryPart(text) })
        : '';
    const part = { type: 'reasoning_text', text };
    return (
      event('response.reasoning_text.done', { ...at, text }) +
      event('response.content_part.done', { ...at, part }) +
      summary +
      done(item, status)
    );
  };

  const writeText = (text: string): string => {
    if (text === '') return '';
    const begun = begin('message');
    current!.text += text;
    const at = { ...place(current!), content_index: 0 };
    if (form === 'refusal') return begun + event('response.refusal.delta', { ...at, delta: text });
    return begun + event('response.output_text.delta', { ...at, delta: text, logprobs: [] });
  };

  const writeReasoning = (text: string): string => {
    if (text === '') return '';
    const begun = begin('reasoning');
    current!.text += text;
    const at = place(current!);
    const summed =
      options.summary === 'given'
        ? event('response.reasoning_summary_text.delta', { ...at, summary_index: 0, delta: text })
        : '';
    return begun + event('response.reasoning_text.delta', { ...at, content_index: 0, delta: text }) + summed;
  };

  const writeCall = ({ index, id, name, arguments: json }: Extract<Part, { type: 'tool-call-delta' }>): string => {
    let begun = '';
    if (!calls[index]) {
      if (index !== calls.length || id === undefined || name === undefined) return '';
      begun = end('completed');
      const item = {
        type: 'function_call',
        id: itemId('fc', options, items.length),
        callId: id,
        name,
        json: '',
      } as const;
      calls.push(open<Call>({ ...item }));
      begun += added(calls[index]!);
    }
    const call = calls[index]!;
    if (json === '') return begun;
    call.json += json;
    return begun + event('response.function_call_arguments.delta', { ...place(call), delta: json });
  };

  return {
    write(part) {
      switch (part.type) {
        case 'text-delta':
          return writeText(part.text);
        case 'reasoning-delta':
          return writeReasoning(part.text);
        case 'tool-call-delta':
          return writeCall(part);
        case 'logprobs':
          if (current?.type === 'message') current.logprobs.push(...part.items);
          return '';
        case 'warning':
          if (part.code !== 'refusal') return '';
          form = 'refusal';
          return end('completed');
        default:
          return '';
      }
    },
    close(state) {
      const reason = finishReason(state);
      const last = reason === 'length' || reason === 'content_filter' ? 'incomplete' : 'completed';
      // An answer without any content still has its message.
      const empty = items.length === 0 ? begin('message') : '';
      const ended = empty + end(last);
      return calls.reduce((events, call) => {
        const args = { ...place(call), name: call.name, arguments: call.json };
        return events + event('response.function_call_arguments.done', args) + done(call, last);
      }, ended);
    },
    items: () => items.map((item) => writeItem(item, closed.get(item) ?? 'incomplete', options)),
  };
}
