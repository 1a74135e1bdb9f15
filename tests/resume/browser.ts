import { chromium, expect, type Page } from '@playwright/test';
import { seededRandom } from '#lib/base/random.ts';
import {
  answerTheSameEveryTime,
  answers,
  modelsListed,
  send,
  sideBar,
  startSharing,
  untilIdle,
  whoAnswers,
} from '../e2e/fixtures/people.ts';
import { launchOptions } from '../e2e/fixtures/launch.ts';
import { startRelay } from '../fixtures/relay-process.ts';
import { emptyReport, noteKill, type Report } from './report.ts';

/** The longest from the closing of a tab to the next token from another one, in milliseconds, on a machine that is busy. */
const gapMsMax = 8_000;
const question = 'Tell me a short story.';
const workersWanted = 2;

interface SharingTab {
  readonly page: Page;
  readonly peer: string;
}

/** What the page shows of the newest answer. */
interface Shown {
  readonly text: string;
  readonly segments: readonly { readonly from: number; readonly colour: string; readonly top: number }[];
  /** Top and bottom of the line that holds the character where the last segment begins. */
  readonly seam: { readonly top: number; readonly bottom: number } | undefined;
}

/**
 * Closes sharing tabs in the middle of answers, in real browsers with the bundled model: the page must show the undisturbed
 * answer, a note, and a thread that changes colour at the very character.
 */
export async function resumeInBrowsers({
  kills,
  seed = 1,
}: {
  readonly kills: number;
  readonly seed?: number;
}): Promise<Report> {
  const random = seededRandom(seed);
  const report = emptyReport();
  const relay = await startRelay({ native: 'no-native' });
  const browser = await chromium.launch(launchOptions);
  const newPage = async () => (await browser.newContext({ reducedMotion: 'reduce' })).newPage();
  const tabs: SharingTab[] = [];
  const share = async () => {
    const page = await newPage();
    await startSharing(page, relay.url);
    const peer = await sideBar(page).locator('[title^="12D3"]').first().getAttribute('title');
    tabs.push({ page, peer: peer! });
  };

  try {
    while (tabs.length < workersWanted) await share();
    const asker = await newPage();
    await answerTheSameEveryTime(asker, relay.url);
    await expect(whoAnswers(asker)).toContainText('browser tab');
    await send(asker, question);
    await untilIdle(asker);
    const whole = await shownOf(asker);
    while (report.kills < kills) await killOnce(asker, whole.text);
  } finally {
    await browser.close();
    await relay.dispose();
  }
  return report;

  async function killOnce(asker: Page, whole: string) {
    while (tabs.length < workersWanted) await share();
    await expect.poll(() => modelsListed(relay.url)).toBeGreaterThan(0);
    await asker.getByRole('button', { name: 'New conversation' }).first().click();
    await expect(whoAnswers(asker)).toContainText('browser tab');
    const pieces = 2 + Math.floor(random.float() * 14);
    const where = `kill ${report.kills}, after ${pieces} pieces`;
    const complain = (what: string) => report.complaints.push(`${where}: ${what}`);
    const letGo = await Promise.all(tabs.map(async ({ page }) => [page, await holdEngine(page, pieces)] as const));
    await send(asker, question);
    const before = await untilStill(asker);
    const victim = await answeringTab(asker);
    for (const [page, release] of letGo) if (page !== victim.page) await release();
    const closedAt = performance.now();
    await victim.page.context().close();
    tabs.splice(tabs.indexOf(victim), 1);
    await expect
      .poll(async () => (await shownOf(asker)).text.length, { timeout: 30_000, intervals: [20] })
      .toBeGreaterThan(before.length);
    const gapMs = performance.now() - closedAt;
    noteKill(report, { where, kind: 'closed', gapMs, allowedMs: gapMsMax });
    await untilIdle(asker);
    report.jobs += 1;
    report.receipts += 1;
    const { text, segments, seam } = await shownOf(asker);
    if (text !== whole) complain(`"${text}" instead of "${whole}"`);
    if (segments.length !== 2) return complain(`a thread of ${segments.length} pieces`);
    const [first, second] = segments;
    if (first!.colour === second!.colour) complain('a thread of one colour');
    if (whole.slice(0, second!.from).trimEnd() !== before.trimEnd())
      complain(`the colour changes after ${second!.from} characters`);
    if (!seam || second!.top < seam.top - 1 || second!.top > seam.bottom + 1)
      complain('the colour changes in another line');
    const answer = answers(asker).last();
    await expect(answer).toContainText('Another one resumed the answer where it had stopped.');
    await answer.getByRole('button', { name: 'Receipt' }).click();
    await expect(answer).toContainText('5 of 5 checks passed');
  }

  async function answeringTab(asker: Page): Promise<SharingTab> {
    let found: SharingTab | undefined;
    await expect
      .poll(async () => {
        for (const tab of tabs) if (await answers(asker).last().getByTitle(tab.peer).count()) found = tab;
        return found !== undefined;
      })
      .toBe(true);
    return found!;
  }
}

interface EngineScope {
  postMessage: (message: { readonly type: string }) => void;
  letGo?: () => void;
}

/**
 * Makes the engine in this page fall silent after so many pieces of its next answer: the bundled model writes a whole one
 * in the time of a click. Resolves with what lets it speak again.
 */
async function holdEngine(page: Page, pieces: number): Promise<() => Promise<void>> {
  const worker = page.workers().find((one) => /wllama\.worker/.test(one.url()))!;
  await worker.evaluate((count) => {
    const scope = self as unknown as EngineScope;
    const { postMessage } = scope;
    const held: { readonly type: string }[] = [];
    let left = count;
    scope.letGo = () => {
      scope.postMessage = postMessage;
      for (const message of held) postMessage.call(scope, message);
    };
    scope.postMessage = (message) => {
      if (held.length > 0 || (message.type === 'event' && left-- <= 0)) held.push(message);
      else postMessage.call(scope, message);
    };
  }, pieces);
  return () => worker.evaluate(() => (self as unknown as EngineScope).letGo?.());
}

/** Waits until the answer has begun and does not grow any more. */
async function untilStill(page: Page): Promise<string> {
  let text = '';
  await expect
    .poll(
      async () => {
        const before = text;
        ({ text } = await shownOf(page));
        return text !== '' && text === before;
      },
      { intervals: [300] },
    )
    .toBe(true);
  return text;
}

const shownOf = (page: Page): Promise<Shown> =>
  answers(page)
    .last()
    .evaluate((article) => {
      const prose = article.querySelector('.prose');
      const walker = document.createTreeWalker(prose ?? document.createElement('p'), NodeFilter.SHOW_TEXT);
      const nodes: Text[] = [];
      while (walker.nextNode()) nodes.push(walker.currentNode as Text);
      const segments = [...article.querySelectorAll<HTMLElement>('[data-from]')].map((element) => ({
        from: Number(element.dataset['from']),
        colour: element.style.background,
        top: element.getBoundingClientRect().top,
      }));
      let at = segments.at(-1)?.from ?? 0;
      const node = nodes.find(({ data }) => at < data.length || ((at -= data.length), false));
      const range = document.createRange();
      if (node) {
        range.setStart(node, at);
        range.setEnd(node, at + 1);
      }
      const { top, bottom } = range.getBoundingClientRect();
      return { text: nodes.map(({ data }) => data).join(''), segments, seam: node && { top, bottom } };
    });
