import domino from '@mixmark-io/domino';
import * as Plot from '@observablehq/plot';

/**
 * Draws on the server: Observable Plot needs only a `document` to make elements in, and everything it draws takes
 * its colours from the page (`currentColor` and custom properties), so one drawing serves light, dark and paper.
 */
const document = domino.createDocument('');

/** Text size of every plot, in px of the page at the plot's natural width. */
const fontSize = 12;

/** An SVG element as text, with what it shows in words for those who cannot see it. */
export function drawPlot(description: string, options: Plot.PlotOptions): string {
  const svg = Plot.plot({
    document,
    className: 'haet-plot',
    marginBottom: 44,
    style: { fontSize: `${fontSize}px`, overflow: 'visible' },
    ...options,
  } as Plot.PlotOptions);
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', description);
  return svg.outerHTML;
}
