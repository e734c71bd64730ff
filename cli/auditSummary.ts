import { join } from 'node:path';
import { type Audit, type AuditedRun, auditFile } from '../evaluator/audit/auditSchema.ts';
import { inPercent, interval95 } from '../evaluator/report/format.ts';
import { shortName } from './terminal.ts';

/** Returns the summary of an audit for the terminal. */
export function summariseAudit({ overall, entry, runs, judgements, folder }: Audit): string[] {
  const whose = entry === null ? '' : `  ${shortName(entry.name)} by ${shortName(entry.team)}`;
  const rows = Object.entries(runs).map(([name, run]) => `  ${name.padEnd(9)} ${runLine(run)}`);
  const findings = Object.entries(judgements).map(
    ([name, { holds, sentence }]) => `  ${name.padEnd(9)} ${mark(holds)}: ${sentence}`,
  );
  return [`audit ${overall}${whose}`, ...rows, ...findings, `  audit     ${join(folder, auditFile)}`];
}

function runLine(run: AuditedRun | null): string {
  if (run === null) return 'not run';
  const { verdict, accuracy, wilson95, evidence } = run;
  if (accuracy === null || wilson95 === null) return [verdict, ...evidence.slice(0, 1)].join('  ');
  return `${verdict}  ${inPercent(accuracy)} %, ${interval95(wilson95)}`;
}

function mark(holds: boolean | null): string {
  if (holds === null) return 'inconclusive';
  return holds ? 'holds' : 'FAILED';
}
