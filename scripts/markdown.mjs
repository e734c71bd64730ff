// The Markdown style of this project: a paragraph is one line. `npm run docs` applies it, a test checks it.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';

const project = fileURLToPath(new URL('../', import.meta.url));

/** Formats Markdown in the style of this project. */
export function formatMarkdown(text) {
  return format(text, { parser: 'markdown', proseWrap: 'never', embeddedLanguageFormatting: 'off' });
}

/** Lists the Markdown files that git tracks or would track, relative to the project. */
export function markdownFiles() {
  const words = ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', '*.md'];
  return execFileSync('git', words, { cwd: project, encoding: 'utf8' }).trim().split('\n');
}
