// The one style of all Markdown files: a paragraph is one line. `npm run docs` applies it, a test checks it.
import { format } from 'prettier';
import { sourceFiles } from './sourceFiles.mjs';

/** Formats Markdown in the style of this project. */
export function formatMarkdown(text) {
  return format(text, { parser: 'markdown', proseWrap: 'never', embeddedLanguageFormatting: 'off' });
}

/** Lists the Markdown files of the project, relative to it. */
export function markdownFiles() {
  return sourceFiles().filter((file) => file.endsWith('.md'));
}
