import type { ComponentChildren } from 'preact';
import { describeSeed } from '../../datasets/track.ts';
import { shortCommit } from '../machine/version.ts';
import type { RunRecord, Score, ScoreDetails, StageRecord } from '../run/record.ts';
import { type VerdictCode, verdicts } from '../run/verdict.ts';
import { wilsonInterval } from '../score/statistics.ts';
import { ConfusionMatrix } from './confusion.tsx';
import { bytes, count, duration, instant, percent } from './format.ts';
import type { CurveName } from './learningCurves.ts';
import { Facts, Figure, Scroll } from './markup.tsx';
import * as plots from './plots.ts';
import type { Log, Run } from './readRun.ts';
import { settingsRows } from './settings.ts';

/** One section of a page. */
export function Card({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="card">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** Colour of a verdict: good and fair are scored, bad is the contestant's to mend, none is nobody's fault. */
export function tone(verdict: VerdictCode): string {
  if (verdict === 'SCORED') return 'tone-good';
  if (verdict === 'SCORED_SALVAGED') return 'tone-fair';
  return verdicts[verdict].owner === 'contestant' ? 'tone-bad' : 'tone-none';
}

/** The verdict, what it was drawn from, and the accuracy with its error bar where there is one. */
export function Verdict({ record }: { record: RunRecord }) {
  const { score } = record;
  return (
    <section class={`card verdict ${tone(record.verdict)} ${score ? 'scored' : ''}`}>
      <div>
        <h2 class="code">{record.verdict}</h2>
        <p>{verdicts[record.verdict].meaning}</p>
        {score && <p class="big">{percent(score.accuracy)}</p>}
        {score && (
          <p class="soft">
            {count(score.correct)} of {count(score.total)} images right
            <br />
            95 % interval {percent(score.wilson95[0])} to {percent(score.wilson95[1])}
          </p>
        )}
      </div>
      <div>
        {score && record.track && <Figure svg={plots.accuracyPlot(score, record.track.classes.length)} />}
        <Facts
          rows={[
            ['Owner', record.owner],
            [
              'Evidence',
              record.evidence.length === 0 ? (
                'none'
              ) : (
                <ul>
                  {record.evidence.map((fact) => (
                    <li>{fact}</li>
                  ))}
                </ul>
              ),
            ],
            ['Advice', record.advice],
          ]}
        />
      </div>
    </section>
  );
}

const curves: [name: CurveName, title: string, options: Parameters<typeof plots.curvePlot>[3]][] = [
  ['loss', 'Training loss', { color: 'var(--loss)', label: '↑ loss' }],
  ['accuracy', 'Running training accuracy', { color: 'var(--accuracy)', label: '↑ accuracy', share: true }],
  ['imagesPerSecond', 'Throughput', { color: 'var(--speed)', label: '↑ images/s' }],
];

/** What the entry said of itself while it trained. */
export function LearningCurves({ run: { record, curves: points } }: { run: Run }) {
  const drawn = curves.filter(([name]) => points[name].length > 0);
  const { lines, rejected, last } = record.progress;
  return (
    <Card title="Learning curves">
      {drawn.length === 0 ? (
        <p class="soft">The entry wrote no progress lines that could be drawn; they are optional.</p>
      ) : (
        <div class="grid">
          {drawn.map(([name, title, options]) => (
            <Figure
              title={title}
              svg={plots.curvePlot(title, points[name], record.limits.trainSeconds, options)}
            />
          ))}
        </div>
      )}
      <p class="soft small">
        As reported by the entry ({count(lines)} lines{rejected > 0 && `, ${count(rejected)} more rejected`}
        {last && `, the last at step ${count(last.step)}, epoch ${Number(last.epoch.toFixed(2))}`}); never
        used for the score. The dashed line is the deadline.
      </p>
    </Card>
  );
}

/** Where it went wrong and whether it knew; of a sealed Track, that nothing of it is told yet. */
export function Details({ score: { accuracy, details } }: { score: Score }) {
  if (details === null) {
    return (
      <Card title="After the reveal">
        <p class="soft">
          Confusion matrix, accuracy by class, calibration and the pictures of mistakes tell of the withheld
          labels: they are shown once the organizer has published the labels key, by{' '}
          <code>haet verify --labels-key</code>.
        </p>
      </Card>
    );
  }
  return (
    <>
      <Classes accuracy={accuracy} details={details} />
      <Calibration details={details} />
    </>
  );
}

/** Which class was taken for which, and how often by class. */
function Classes({ accuracy, details }: { accuracy: number; details: ScoreDetails }) {
  return (
    <div class="pair">
      <Card title="Confusion matrix">
        <ConfusionMatrix details={details} />
      </Card>
      <Card title="Accuracy by class">
        <Figure svg={plots.perClassPlot(perClassRows(details), accuracy)}>
          With 95 % intervals. The dashed line is the accuracy over all classes.
        </Figure>
      </Card>
    </div>
  );
}

const longestLabel = 18;

function perClassRows({ perClass }: ScoreDetails): plots.IntervalRow[] {
  return perClass.map(({ name, correct, total, accuracy }, index) => {
    const [low, high] = total > 0 ? wilsonInterval(correct, total) : [0, 1];
    const short = name.length > longestLabel ? `${name.slice(0, longestLabel - 1)}…` : name;
    const taken = perClass.some(
      (other, at) =>
        at !== index && other.name.slice(0, longestLabel - 1) === name.slice(0, longestLabel - 1),
    );
    return { label: taken ? `${short} #${index}` : short, accuracy, low, high };
  });
}

/** Whether the entry knew when it was right. */
function Calibration({ details: { calibration, logLoss } }: { details: ScoreDetails }) {
  return (
    <Card title="Calibration">
      <div class="pair">
        <Figure title="Accuracy by confidence" svg={plots.calibrationPlot(calibration)}>
          On the dashed line, confidence equals accuracy; below it the entry was too sure of itself.
        </Figure>
        <Figure title="Images by confidence" svg={plots.confidencePlot(calibration)}>
          Expected calibration error {percent(calibration.expectedError)}, log-loss {logLoss.toFixed(3)} nats.
        </Figure>
      </div>
    </Card>
  );
}

/** The mistakes that the entry was surest of. */
export function Mistakes({ run: { record, mistakes } }: { run: Run }) {
  if (mistakes === null || record.track === null) return null;
  const { classes } = record.track;
  return (
    <Card title="Most confident mistakes">
      {mistakes.length === 0 ? (
        <p class="soft">There are none: every image was right.</p>
      ) : (
        <ol class="mistakes">
          {mistakes.map(({ index, truth, predicted, confidence, truthConfidence, picture }) => (
            <li>
              <figure>
                <img
                  src={picture}
                  width={128}
                  height={128}
                  alt={`${classes[truth]}, taken for ${classes[predicted]} (row ${index} of the test set)`}
                />
                <figcaption>
                  <div>
                    <b>{classes[truth]}</b>
                    <span>{percent(truthConfidence, 0)}</span>
                  </div>
                  <div class="wrong">
                    {classes[predicted]}
                    <span>{percent(confidence, 0)}</span>
                  </div>
                </figcaption>
              </figure>
            </li>
          ))}
        </ol>
      )}
      <p class="soft small">
        What each image shows, then what it was taken for, with the entry's confidence in either.
      </p>
    </Card>
  );
}

/** When each stage ran, against its deadline. */
export function Timeline({ record: { stages } }: { record: RunRecord }) {
  if (stages.length === 0) {
    return (
      <Card title="Timeline">
        <p class="soft">No stage was started.</p>
      </Card>
    );
  }
  return (
    <Card title="Timeline">
      <Figure svg={plots.timelinePlot(stages)}>Time used on time allowed; the mark is the deadline.</Figure>
      <Scroll label="Stages">
        <table class="wide">
          <thead>
            <tr>
              {['Stage', 'Started', 'Took', 'Limit', 'Ended', 'Exit', 'Kill', 'CPU time', 'Peak memory'].map(
                (title, at) => (
                  <th scope="col" class={at < 1 ? 'left' : undefined}>
                    {title}
                  </th>
                ),
              )}
            </tr>
          </thead>
          <tbody>
            {stages.map((stage) => (
              <tr>
                <th scope="row">{stage.stage}</th>
                <td>{instant(stage.startedAt)}</td>
                <td>{duration(stage.seconds)}</td>
                <td>{duration(stage.limitSeconds)}</td>
                <td>{stage.ended}</td>
                <td>{stage.signal ?? stage.exitCode ?? '–'}</td>
                <td>{killText(stage)}</td>
                <td>{duration(stage.cpuSeconds)}</td>
                <td>{bytes(stage.peakMemoryBytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Card>
  );
}

function killText({ kill, ended }: StageRecord): string {
  if (kill === null) return '–';
  const processes = `${kill.processesKilled} ${kill.processesKilled === 1 ? 'process' : 'processes'}`;
  return ended === 'deadline'
    ? `${processes}, stopped ${kill.overshootMs.toFixed(0)} ms after the deadline`
    : `${processes} at ${duration(kill.signalledAtSeconds)}`;
}

/** CPU and memory over time. */
export function Resources({ record }: { record: RunRecord }) {
  if (record.stages.every((stage) => stage.usage.length === 0)) return null;
  return (
    <Card title="Resource use">
      <div class="pair">
        <Figure title="CPU cores busy" svg={plots.cpuPlot(record)} />
        <Figure title="Resident memory" svg={plots.memoryPlot(record)}>
          All processes of the entry together; the limit is {bytes(record.limits.memoryBytes)}.
        </Figure>
      </div>
    </Card>
  );
}

/** Everything needed to run it again. */
export function Setup({ record, settings }: { record: RunRecord; settings: string | null }) {
  const { entry, track, machine, limits, sandbox, evaluator } = record;
  // Of a sealed Track nobody is told where it was drawn from.
  const source = track !== null && 'source' in track ? { ...track.source, seed: track.seed } : null;
  return (
    <Card title="What was run, on what">
      <div class="pair">
        <div>
          <h3>Entry and data</h3>
          <Facts
            rows={[
              ['Entry', entry && `${entry.name}, by ${entry.team}`],
              [record.archiveSha256 === null ? 'Folder' : 'Archive', entry && <code>{entry.path}</code>],
              ['Code hash', entry && <code>{entry.sha256}</code>],
              ['Archive hash', record.archiveSha256 && <code>{record.archiveSha256}</code>],
              ...record.stages.map(({ stage, argv }): [string, ComponentChildren] => [
                `Command: ${stage}`,
                <code>{argv.join(' ')}</code>,
              ]),
              ['Seed', record.seed],
              ['Track', track?.name ?? null],
              [
                'Images',
                track &&
                  `${count(track.trainSize)} to train on, ${count(track.testSize)} withheld, ${track.classes.length} classes`,
              ],
              ['Source', source && `${source.description} (drawn by ${describeSeed(source.seed)})`],
              ['Source hash', source && <code>{source.sha256}</code>],
              ['Withheld half', track && 'sealed' in track ? <code>{track.sealed.sha256}</code> : null],
            ]}
          />
        </div>
        <div>
          <h3>Machine and limits</h3>
          <Facts
            rows={[
              ['Processor', `${machine.cpu}, ${machine.cores} cores`],
              ['Features', machine.features.join(', ') || null],
              ['Memory', bytes(machine.memoryBytes)],
              ['Platform', `${machine.platform}, Node ${machine.node}`],
              ['Train limit', duration(limits.trainSeconds)],
              ['Predict limit', duration(limits.predictSeconds)],
              ['CPUs given', limits.cpus],
              ['Memory given', bytes(limits.memoryBytes)],
              ['Sandbox', `${sandbox.kind}: ${sandbox.contains}`],
              [
                'Evaluator',
                `haet ${evaluator.version}${evaluator.commit ? `, commit ${shortCommit(evaluator.commit)}` : ''}`,
              ],
            ]}
          />
        </div>
      </div>
      {settings !== null && <Settings text={settings} />}
    </Card>
  );
}

function Settings({ text }: { text: string }) {
  const rows = settingsRows(text);
  return (
    <details open>
      <summary>Settings of the entry</summary>
      {rows === null ? (
        <pre>{text}</pre>
      ) : (
        <div class="settings">
          <Facts rows={rows.map(([name, value]) => [<code>{name}</code>, <code>{value}</code>])} />
        </div>
      )}
    </details>
  );
}

/** The ends of the logs: what a person looks at first when a run failed, so then they are open. */
export function Logs({ logs, open }: { logs: Log[]; open: boolean }) {
  if (logs.length === 0) return null;
  return (
    <Card title="Logs">
      {logs.map(({ file, tail, bytes: size }) => (
        <details open={open}>
          <summary>
            {file} ({bytes(size)}
            {size > Buffer.byteLength(tail) + 64 && ', the end of it'})
          </summary>
          <pre>{tail}</pre>
        </details>
      ))}
    </Card>
  );
}
