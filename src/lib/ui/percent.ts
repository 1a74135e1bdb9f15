import { locale } from '#language';

/** Of 1, with a decimal where it is small. */
export const formatShare = (share: number): string =>
  share.toLocaleString(locale(), { style: 'percent', maximumFractionDigits: 1 });
