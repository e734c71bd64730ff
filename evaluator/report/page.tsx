import type { ComponentChildren, VNode } from 'preact';
import { renderToStaticMarkup } from 'preact-render-to-string';
import { Raw } from './markup.tsx';
import { styleSheet } from './style.ts';

/**
 * Renders a page without scripts and with a content policy that forbids requests, so that the page is one
 * self-contained file and untrusted text (the entry's name, its logs) cannot act.
 */
export function renderPage(title: string, body: ComponentChildren): string {
  const page: VNode = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        />
        <link rel="icon" href="data:," />
        <title>{title}</title>
        <Raw as="style" html={styleSheet} />
      </head>
      <body>
        <main>{body}</main>
      </body>
    </html>
  );
  return `<!doctype html>\n${renderToStaticMarkup(page)}\n`;
}
