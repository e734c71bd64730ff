import domino from '@mixmark-io/domino';
import * as Plot from '@observablehq/plot';

/**
 * Observable Plot needs only a `document` to create elements in. Everything it draws takes its colours from the page
 * (`currentColor` and custom properties), so one drawing serves light, dark and print.
 */
const document = domino.createDocument('');

/** Text size of every plot, in px at the plot's natural width. */
const fontSize = 12;

/** Renders a plot as SVG text, with a description for screen readers. */
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

/** Renders a plot as a self-contained SVG file on white, for pages that show it as an image. */
export function standalonePlot(description: string, options: Plot.PlotOptions): string {
  const drawn = drawPlot(description, {
    ...options,
    style: {
      fontSize: `${fontSize}px`,
      fontFamily: 'sans-serif',
      background: 'white',
      color: 'black',
    } as never,
  });
  const alone = drawn.replace(/^<svg(?![^>]*xmlns=)/, '<svg xmlns="http://www.w3.org/2000/svg"');
  return `${alone.replaceAll('&nbsp;', '\u00a0')}\n`;
}
