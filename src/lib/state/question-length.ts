/** Characters of a question, without its attachments. Alone in its file, since the first page needs no more of them. */
export const questionLengthMax = 48_000;
