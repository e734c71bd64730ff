import type { Disturbance } from './disturb.ts';
import type { RealRow } from './outcome.ts';

/** Formats the entries of all gradings, one per line. */
export function tableLines(rows: readonly RealRow[]): string[] {
  return [
    '| entry | expected | this machine | cluster | attempts, by node |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(({ name, expected, local, slurm, attempts }) => {
      const cells = [
        name,
        expected.join(' or '),
        local,
        slurm.join(', ') || 'no result',
        attempts.join(', '),
      ];
      return `| ${cells.join(' | ')} |`;
    }),
  ];
}

/** Says what was done to the nodes. */
export function disturbanceLines(
  { drained, lost }: Disturbance,
  names: ReadonlyMap<string, string>,
): string[] {
  const ran = (sha256: string | null) => (sha256 === null ? 'idle' : `running ${names.get(sha256)}`);
  return [
    `${drained.node} was drained while ${ran(drained.sha256)}; ${lost.node} was killed while ${ran(lost.sha256)}`,
  ];
}
