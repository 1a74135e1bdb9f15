import { m } from '#messages';
import { splitBlocks } from '#lib/ui/markdown/blocks.ts';
import type { Turn } from './dialogue.ts';
import { h } from './dom.ts';
import type { Answerer, LadderState, Rung } from './ladder.ts';
import { describeProblem } from './problems.ts';

/** Turns a block of Markdown into nodes; undefined until it has been loaded. */
export type RenderBlock = ((block: string) => readonly Node[]) | undefined;

export interface TurnView {
  readonly element: HTMLElement;
  update(turn: Turn, render: RenderBlock, by: string | undefined): void;
}

/** A question and its answer. Only blocks that have changed are drawn again, so a long answer costs no more than its last one. */
export function createTurnView(question: string, again: () => void): TurnView {
  const answer = h('div', { class: 'answer', part: 'answer', dir: 'auto' });
  const by = h('p', { class: 'by', part: 'answerer' });
  const problem = h('p', { class: 'problem', part: 'problem' });
  const retry = h('button', { class: 'link', type: 'button' }, m.widget_again());
  retry.addEventListener('click', again);
  const asked = h('p', { class: 'question', part: 'question', dir: 'auto' }, question);
  const element = h('article', { class: 'turn', part: 'turn' }, asked, answer, by, problem);
  let drawn: readonly string[] = [];
  let drawnBy: RenderBlock;
  let drawnLadder: LadderState | undefined;

  return {
    element,
    update({ ladder }, render, kept) {
      if (ladder === drawnLadder && render === drawnBy) return;
      drawnLadder = ladder;
      const blocks = splitBlocks(ladder.text);
      if (render !== drawnBy) drawn = [];
      drawnBy = render;
      blocks.forEach((block, at) => {
        if (drawn[at] === block) return;
        const nodes = render?.(block) ?? [h('p', { class: 'raw' }, block.trimEnd())];
        const next = h('div', { class: 'block' }, ...nodes);
        if (answer.children[at]) answer.children[at].replaceWith(next);
        else answer.append(next);
      });
      while (answer.children.length > blocks.length) answer.lastElementChild!.remove();
      drawn = blocks;
      answer.hidden = blocks.length === 0;
      by.textContent = kept ?? describeLadder(ladder) ?? '';
      by.hidden = by.textContent === '';
      const wrong = describeEnd(ladder);
      problem.hidden = wrong === undefined;
      if (wrong) problem.replaceChildren(wrong.text, ' ', ...(wrong.again ? [retry] : []));
    },
  };
}

const asking: Readonly<Record<Rung, () => string>> = {
  device: m.widget_asking_device,
  network: m.widget_asking_network,
  endpoint: m.widget_asking_endpoint,
};

/** Who answers or answered; while nobody does, who is being asked. */
export function describeLadder({ phase, rungs, at, failures, answerer, text }: LadderState): string | undefined {
  const rung = rungs[at];
  if (phase === 'asking' && rung) {
    return failures.length > 0 ? m.widget_going_down({ next: asking[rung]() }) : asking[rung]();
  }
  return answerer && text !== '' ? describeAnswerer(answerer) : undefined;
}

function describeAnswerer({ rung, role, model }: Answerer): string {
  const who =
    rung === 'device'
      ? m.widget_by_device()
      : rung === 'endpoint'
        ? m.widget_by_endpoint()
        : role === 'peer'
          ? m.widget_by_peer()
          : m.widget_by_native();
  return model === undefined ? who : m.widget_with_model({ who, model });
}

function describeEnd({ phase, failures, reason }: LadderState) {
  if (phase === 'failed') return describeProblem(failures);
  if (phase === 'stopped') return { text: m.widget_stopped(), again: true };
  return phase === 'finished' && reason === 'length' ? { text: m.widget_cut_at_limit(), again: false } : undefined;
}
