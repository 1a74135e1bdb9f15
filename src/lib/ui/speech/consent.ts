/** Whether the user lets the browser's speech service have voice and text, and how that is kept. */
export interface SpeechConsent {
  readonly consent: 'given' | 'none';
  readonly onconsent: () => Promise<void>;
}
