import katex from 'katex';

/** Loaded with the first formula. MathML needs no style sheet and no fonts, and screen readers know it. */
export const renderFormula = (tex: string, display: boolean): string =>
  katex
    .renderToString(tex, {
      output: 'mathml',
      displayMode: display,
      throwOnError: false,
      maxExpand: 200,
      strict: false,
      trust: false,
    })
    // The source in TeX, which a sanitiser would turn into visible text.
    .replace(/<annotation[\s\S]*?<\/annotation>/, '');
