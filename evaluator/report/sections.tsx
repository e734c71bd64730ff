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

/** Renders a section of a page. */
export function Card({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="card">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** Returns the colour of a verdict. good, fair: scored; bad: the contestant must fix it; none: nobody's fault. */
export function tone(verdict: VerdictCode): string {
  if (verdict === 'SCORED') return 'tone-good';
  if (verdict === 'SCORED_SALVAGED') return 'tone-fair';
  return verdicts[verdict].owner === 'contestant' ? 'tone-bad' : 'tone-none';
}

/** Renders the verdict, its evidence, and the accuracy with its interval if there is one. */
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
            {count(score.correct)} of {count(score.total)} images correct
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

/** Renders the learning curves that the entry reported. */
export function LearningCurves({ run: { record, curves: points } }: { run: Run }) {
  const drawn = curves.filter(([name]) => points[name].length > 0);
  const { lines, rejected, last } = record.progress;
  return (
    <Card title="Learning curves">
      {drawn.length === 0 ? (
        <p class="soft">The entry wrote no valid progress lines; they are optional.</p>
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

/** Renders mistakes and calibration; for a sealed Track, only a note until the reveal. */
export function Details({ score: { accuracy, details } }: { score: Score }) {
  if (details === null) {
    return (
      <Card title="After the reveal">
        <p class="soft">
          Confusion matrix, accuracy by class, calibration and the images of mistakes reveal withheld labels.
          After the organizer has published the labels key, <code>haet verify --labels-key</code> shows them.
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

/** Renders the confusion matrix and the accuracy by class. */
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

/** Renders the calibration. */
function Calibration({ details: { calibration, logLoss } }: { details: ScoreDetails }) {
  return (
    <Card title="Calibration">
      <div class="pair">
        <Figure title="Accuracy by confidence" svg={plots.calibrationPlot(calibration)}>
          On the dashed line, confidence equals accuracy; below it, the entry was overconfident.
        </Figure>
        <Figure title="Images by confidence" svg={plots.confidencePlot(calibration)}>
          Expected calibration error {percent(calibration.expectedError)}, log-loss {logLoss.toFixed(3)} nats.
        </Figure>
      </div>
    </Card>
  );
}

/** Renders the mistakes with the highest confidence. */
export function Mistakes({ run: { record, mistakes } }: { run: Run }) {
  if (mistakes === null || record.track === null) return null;
  const { classes } = record.track;
  return (
    <Card title="Most confident mistakes">
      {mistakes.length === 0 ? (
        <p class="soft">None: every prediction was correct.</p>
      ) : (
        <ol class="mistakes">
          {mistakes.map(({ index, truth, predicted, confidence, truthConfidence, picture }) => (
            <li>
              <figure>
                <img
                  src={picture}
                  width={128}
                  height={128}
                  alt={`${classes[truth]}, predicted as ${classes[predicted]} (row ${index} of the test set)`}
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
      <p class="soft small">True class, then predicted class, each with the entry's confidence.</p>
    </Card>
  );
}

/** Renders the times of the stages and their deadlines. */
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
      <Figure svg={plots.timelinePlot(stages)}>Time used over time allowed; the mark is the deadline.</Figure>
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

/** Renders CPU and memory over time. */
export function Resources({ record }: { record: RunRecord }) {
  if (record.stages.every((stage) => stage.usage.length === 0)) return null;
  return (
    <Card title="Resource use">
      <div class="pair">
        <Figure title="CPU cores in use" svg={plots.cpuPlot(record)} />
        <Figure title="Resident memory" svg={plots.memoryPlot(record)}>
          All processes of the entry together; the limit is {bytes(record.limits.memoryBytes)}.
        </Figure>
      </div>
    </Card>
  );
}

/** Renders everything needed to repeat the run. */
export function Setup({ record, settings }: { record: RunRecord; settings: string | null }) {
  const { entry, track, machine, limits, sandbox, evaluator } = record;
  // The source of a sealed Track is not published.
  const source = track !== null && 'source' in track ? { ...track.source, seed: track.seed } : null;
  return (
    <Card title="Run and machine">
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
                  `${count(track.trainSize)} training images, ${count(track.testSize)} withheld images, ${track.classes.length} classes`,
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
              ['GPUs given', record.gpus.map(({ model, uuid }) => `${model} (${uuid})`).join(', ') || 'none'],
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

/** Renders the ends of the logs, which are open if the run failed. */
export function Logs({ logs, open }: { logs: Log[]; open: boolean }) {
  if (logs.length === 0) return null;
  return (
    <Card title="Logs">
      {logs.map(({ file, tail, bytes: size }) => (
        <details open={open}>
          <summary>
            {file} ({bytes(size)}
            {size > Buffer.byteLength(tail) + 64 && ', truncated'})
          </summary>
          <pre>{tail}</pre>
        </details>
      ))}
    </Card>
  );
}
