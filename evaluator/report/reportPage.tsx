import { instant } from './format.ts';
import { renderPage } from './page.tsx';
import type { Run } from './readRun.ts';
import * as sections from './sections.tsx';

/** Renders the report of one run. */
export function renderReport(run: Run): string {
  const { record } = run;
  const name = record.entry?.name ?? 'Unknown entry';
  return renderPage(
    `${name}: ${record.verdict}`,
    <>
      <h1>{name}</h1>
      <p class="byline">
        {record.entry && `${record.entry.team} · `}
        {record.track && `${record.track.name} · `}
        {instant(record.startedAt)} · seed {record.seed}
      </p>
      <sections.Verdict record={record} />
      {record.score === null && <sections.Logs logs={run.logs} open />}
      <sections.LearningCurves run={run} />
      {record.score && <sections.Details score={record.score} />}
      <sections.Mistakes run={run} />
      <sections.Timeline record={record} />
      <sections.Resources record={record} />
      <sections.Setup record={record} settings={run.settings} />
      {record.score !== null && <sections.Logs logs={run.logs} open={false} />}
      <footer>
        {run.notes.map((note) => (
          <p>{note}</p>
        ))}
        <p>
          Run {record.runId}. Everything above is drawn from <a href="record.json">record.json</a> and the
          files beside it.
        </p>
      </footer>
    </>,
  );
}
