import katex from 'katex';
import './math.css';

/** Loaded with the first formula. MathML needs one font but no KaTeX style sheet, and works with screen readers. */
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
    // Remove the TeX source, which the sanitiser would turn into visible text.
    .replace(/<annotation[\s\S]*?<\/annotation>/, '');
