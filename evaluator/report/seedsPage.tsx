import { join, relative, sep } from 'node:path';
import type { RunRecord, Score } from '../run/record.ts';
import { spreadOf } from '../score/statistics.ts';
import { count, duration, percent } from './format.ts';
import { Figure, Scroll } from './markup.tsx';
import { renderPage } from './page.tsx';
import { seedsPlot } from './plots.ts';
import { Card, tone } from './sections.tsx';

interface SeedRun {
  readonly folder: string;
  readonly record: RunRecord;
}
type ScoredRun = SeedRun & { readonly record: { readonly score: Score } };

/** Renders the page about repeated runs, with links relative to its folder. */
export function renderSeedsPage(runs: readonly SeedRun[], pageFolder: string): string {
  const first = runs[0]?.record;
  const name = first?.entry?.name ?? 'Unknown entry';
  const scored = runs.filter((run): run is ScoredRun => run.record.score !== null);
  return renderPage(
    `${name}: ${runs.length} runs`,
    <>
      <h1>
        {name}: {runs.length} runs
      </h1>
      <p class="byline">
        {first?.entry && `${first.entry.team} · `}
        {first?.track && `${first.track.name} · `}
        {first && `${duration(first.limits.trainSeconds)} to train, on ${first.machine.cpu}`}
      </p>
      <Spread scored={scored} runs={runs.length} />
      <Card title="Runs">
        <Scroll label="Runs">
          <RunTable runs={runs} pageFolder={pageFolder} />
        </Scroll>
      </Card>
    </>,
  );
}

function Spread({ scored, runs }: { scored: ScoredRun[]; runs: number }) {
  if (scored.length === 0) {
    return (
      <section class="card verdict tone-bad">
        <h2 class="code">None of {runs} runs was scored</h2>
      </section>
    );
  }
  const { mean, standardDeviation, mean95 } = spreadOf(scored.map(({ record }) => record.score.accuracy));
  return (
    <section class={`card verdict scored ${scored.length === runs ? 'tone-good' : 'tone-fair'}`}>
      <div>
        <h2 class="code">
          {scored.length} of {runs} runs scored
        </h2>
        <p class="big">{percent(mean, 2)}</p>
        <p class="soft">
          mean accuracy
          {standardDeviation !== null && `; sample standard deviation ${percent(standardDeviation, 2)}`}
          {mean95 && (
            <>
              <br />
              95 % interval of the mean {percent(mean95[0])} to {percent(mean95[1])}
            </>
          )}
        </p>
      </div>
      <Figure
        svg={seedsPlot(
          scored.map(({ record: { seed, score } }, at) => ({
            label: `${at + 1}: seed ${seed}`,
            accuracy: score.accuracy,
            low: score.wilson95[0],
            high: score.wilson95[1],
          })),
          mean,
        )}
      >
        Each run with its own 95 % interval; the dashed line is the mean.
      </Figure>
    </section>
  );
}

function RunTable({ runs, pageFolder }: { runs: readonly SeedRun[]; pageFolder: string }) {
  return (
    <table class="wide">
      <thead>
        <tr>
          {['Run', 'Seed', 'Verdict', 'Accuracy', '95 % interval', 'Correct', 'Training'].map((title, at) => (
            <th scope="col" class={at === 0 ? 'left' : undefined}>
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {runs.map(({ folder, record }) => {
          const { score } = record;
          const train = record.stages.find(({ stage }) => stage === 'train');
          return (
            <tr class={tone(record.verdict)}>
              <th scope="row">
                <a href={address(join(folder, 'report.html'), pageFolder)}>{record.runId}</a>
              </th>
              <td>{record.seed}</td>
              <td class="outcome">{record.verdict}</td>
              <td>{score ? percent(score.accuracy) : '–'}</td>
              <td>{score ? `${percent(score.wilson95[0])} to ${percent(score.wilson95[1])}` : '–'}</td>
              <td>{score ? `${count(score.correct)} of ${count(score.total)}` : '–'}</td>
              <td>{train ? duration(train.seconds) : '–'}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** Returns the link to a file from a page in a folder. */
function address(file: string, pageFolder: string): string {
  return `./${relative(pageFolder, file).split(sep).map(encodeURIComponent).join('/')}`;
}
