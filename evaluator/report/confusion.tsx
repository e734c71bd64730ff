import type { ScoreDetails } from '../run/record.ts';
import { Scroll } from './markup.tsx';

/** With more classes than this, the most common confusions are listed instead of a table. */
const largestTable = 30;
const mostCommon = 20;

interface Confusion {
  readonly truth: string;
  readonly predicted: string;
  readonly images: number;
}

/** Renders the confusion matrix, shaded by the share of the true class. */
export function ConfusionMatrix({ details }: { details: ScoreDetails }) {
  const names = details.perClass.map((row) => row.name);
  const confusions = details.confusion
    .flatMap((row, truth) =>
      row.map((images, predicted): Confusion | null =>
        truth === predicted || images === 0
          ? null
          : { truth: names[truth]!, predicted: names[predicted]!, images },
      ),
    )
    .filter((confusion) => confusion !== null)
    .sort((a, b) => b.images - a.images);
  return names.length > largestTable ? (
    <ConfusionList confusions={confusions.slice(0, mostCommon)} />
  ) : (
    <>
      <p class="soft small">{summary(confusions)}</p>
      <ConfusionTable names={names} counts={details.confusion} />
    </>
  );
}

function summary(confusions: Confusion[]): string {
  if (confusions.length === 0) return 'No image was misclassified.';
  const top = confusions.slice(0, 3).map((c) => `${c.truth} predicted as ${c.predicted} (${c.images})`);
  return `Most common: ${top.join(', ')}.`;
}

function ConfusionTable({ names, counts }: { names: string[]; counts: number[][] }) {
  return (
    <Scroll label="Confusion matrix">
      <table class="confusion">
        <caption>Rows: true class. Columns: predicted class. Numbers of images.</caption>
        <thead>
          <tr>
            <td class="none" />
            {names.map((name) => (
              <th scope="col">
                <span>{name}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {counts.map((row, truth) => {
            const total = row.reduce((sum, images) => sum + images, 0);
            return (
              <tr>
                <th scope="row">{names[truth]}</th>
                {row.map((images, predicted) => (
                  <td
                    class={images === 0 ? 'none' : truth === predicted ? 'hit' : 'miss'}
                    style={{ '--share': `${shade(images / total, truth === predicted)}%` }}
                  >
                    {images}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}

/**
 * Returns the strength of a cell's colour in per cent: up to 60, so that its number is readable; errors are
 * amplified.
 */
function shade(share: number, hit: boolean): number {
  return Math.round(hit ? 10 + 40 * share : Math.min(60, 8 + 220 * share));
}

function ConfusionList({ confusions }: { confusions: Confusion[] }) {
  return (
    <table class="wide">
      <caption>The most common confusions</caption>
      <thead>
        <tr>
          <th scope="col" class="left">
            True class
          </th>
          <th scope="col" class="left">
            Predicted class
          </th>
          <th scope="col">Images</th>
        </tr>
      </thead>
      <tbody>
        {confusions.map(({ truth, predicted, images }) => (
          <tr>
            <th scope="row">{truth}</th>
            <td class="left">{predicted}</td>
            <td>{images}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
