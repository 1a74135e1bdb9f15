import katex from 'katex';
import './math.css';

/** Loaded with the first formula. MathML needs one font and no style sheet of KaTeX, and screen readers know it. */
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
