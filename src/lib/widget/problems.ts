import { m } from '#messages';
import { locale } from '#language';
import type { Failure } from './ladder.ts';

/** What a visitor is told of a failure: what it is, and what to do about it. */
export interface Problem {
  readonly text: string;
  /** Whether asking again may help. */
  readonly again: boolean;
}

/** For the visitor; `code` stands in the event for the site's owner. */
export function describeProblem(failures: readonly Failure[]): Problem {
  const worst = failures.toSorted((a, b) => weight(b) - weight(a))[0];
  if (!worst) return { text: m.widget_no_rung(), again: false };
  const { code, retryAfterSeconds } = worst;
  if (weight(worst) < 3 && failures.every(({ rung }) => rung === 'device'))
    return { text: m.widget_device_answer_failed(), again: true };
  const wait = retryAfterSeconds === undefined ? undefined : waitText(retryAfterSeconds);
  switch (code) {
    case 'context-length-exceeded':
    case 'too-long':
    case 'body-too-large':
      return { text: m.widget_too_long(), again: false };
    case 'questions-used-up':
      return { text: m.widget_questions_used_up(), again: false };
    case 'insufficient-quota':
      return {
        text: wait === undefined ? m.widget_budget_used_up() : m.widget_budget_used_up_until({ wait }),
        again: false,
      };
    case 'rate-limit-exceeded':
    case 'gateway-busy':
    case 'busy':
    case 'queue-full':
      return { text: wait === undefined ? m.widget_busy() : m.widget_busy_until({ wait }), again: true };
    case 'origin-not-allowed':
    case 'host-not-allowed':
      return { text: m.widget_origin_not_allowed(), again: false };
    case 'invalid-api-key':
      return { text: m.widget_key_refused(), again: false };
    case 'model-not-allowed':
    case 'model-unknown':
    case 'model-not-found':
      return { text: m.widget_model_not_served(), again: false };
    case 'payment-required':
    case 'insufficient-credits':
    case 'price':
      return { text: m.widget_out_of_credit(), again: false };
    case 'no-peer-available':
      return { text: m.widget_nobody_there(), again: true };
    case 'feature-unavailable':
      return { text: m.widget_no_tools(), again: false };
    case 'cut-off':
    case 'answer-too-long':
      return { text: m.widget_cut_off(), again: true };
    case 'network-error':
    case 'timed-out':
      return { text: m.widget_unreachable(), again: true };
    default:
      return { text: m.widget_failed({ code }), again: true };
  }
}

/** What was refused for a reason that somebody can mend says more than that nothing was there. */
function weight({ rung, code }: Failure): number {
  if (/^(context-length-exceeded|too-long|body-too-large)$/.test(code)) return 3;
  if (rung === 'device') return -1;
  if (/^(origin|host|invalid|model|insufficient|payment|price|questions|rate|feature)/.test(code)) return 2;
  return /^(network-error|timed-out|http-\d+|empty)$/.test(code) ? 0 : 1;
}

/** Seconds as words, in the largest unit that fits. */
function waitText(seconds: number): string {
  const [amount, unit] =
    seconds < 90
      ? [Math.max(1, seconds), 'second']
      : seconds < 5_400
        ? [Math.round(seconds / 60), 'minute']
        : [Math.round(seconds / 3_600), 'hour'];
  return new Intl.NumberFormat(locale(), { style: 'unit', unit, unitDisplay: 'long' }).format(amount as number);
}
