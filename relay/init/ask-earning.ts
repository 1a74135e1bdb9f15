import { chainSettings } from '../settings/chain.ts';
import { earningSettings } from '../settings/earning.ts';
import type { Setting } from '../settings/setting.ts';
import type { Values } from './ask.ts';
import type { Prompter } from './prompter.ts';

/** A chain on which peers can pay. */
export interface EarningChain {
  readonly id: number;
  readonly name: string;
  /** Its public server. */
  readonly rpcUrl: string;
}

/** What a price needs, asked for where it is not given. An account without a key is made. */
export async function askEarning(
  given: Values,
  { prompter, chains }: { readonly prompter: Prompter; readonly chains: () => Promise<readonly EarningChain[]> },
): Promise<Values> {
  const hasPrice = given['EARN_IN'] !== undefined || given['EARN_OUT'] !== undefined;
  if (!hasPrice && (await prompter.choose(priceQuestion)) === 'free') return {};
  const values: Record<string, string> = {};
  if (!hasPrice) {
    values['EARN_IN'] = await askText(prompter, inQuestion, earningSettings.EARN_IN);
    values['EARN_OUT'] = await askText(prompter, outQuestion, earningSettings.EARN_OUT);
  }
  if (given['EARN_CHAIN'] === undefined) {
    const known = await chains();
    const id = await prompter.choose({
      message: 'On which chain?',
      options: known.map(({ id: number, name }) => ({ value: String(number), label: name, hint: `number ${number}` })),
    });
    values['EARN_CHAIN'] = id;
    const { rpcUrl } = known.find((chain) => String(chain.id) === id)!;
    if (given['CHAIN_RPC_URL'] === undefined)
      values['CHAIN_RPC_URL'] = await askText(
        prompter,
        { message: 'By which server is it reached?', example: rpcUrl, initial: rpcUrl },
        chainSettings.CHAIN_RPC_URL,
      );
  }
  if (given['EARN_KEY'] === undefined && (await prompter.choose(accountQuestion)) === 'mine')
    values['EARN_KEY'] = await askText(prompter, keyQuestion, earningSettings.EARN_KEY);
  return values;
}

const priceQuestion = {
  message: 'Shall other peers pay for its models?',
  options: [
    { value: 'free', label: 'No', hint: 'its models are free' },
    { value: 'paid', label: 'Yes', hint: 'in dollars, through channels on a chain' },
  ],
} as const;
const inQuestion = { message: 'Dollars for a million tokens of prompts?', example: '0.05', initial: '0.05' };
const outQuestion = { message: 'Dollars for a million tokens of answers?', example: '0.15', initial: '0.15' };
const accountQuestion = {
  message: 'Which account is paid?',
  options: [
    { value: 'new', label: 'A new one', hint: 'its key is kept in a file beside the settings' },
    { value: 'mine', label: 'One of mine', hint: 'by its private key' },
  ],
} as const;
const keyQuestion = { message: 'Its private key?', example: '0x and 64 hexadecimal digits' };

const askText = (
  prompter: Prompter,
  question: { message: string; example: string; initial?: string },
  { schema }: Setting,
) =>
  prompter.text({
    ...question,
    problem: (text) => schema.safeParse(text || question.initial).error?.issues[0]?.message ?? missing(text, question),
  });

const missing = (text: string, { initial }: { readonly initial?: string }) =>
  text === '' && initial === undefined ? 'it is needed' : undefined;
