/** Matches names of what evaluators make in shared folders, see sandbox/ownNames.ts: process id, its start, its namespace. */
export const ownNamePattern = /^haet-[a-z-]+-(\d+)-(\d+)-(\d+)-/;

/** Returns the variable that chose the temporary folder, in the order in which Node reads them; null if none is set. */
export function temporaryVariable(env: NodeJS.ProcessEnv = process.env): string | null {
  return ['TMPDIR', 'TMP', 'TEMP'].find((name) => env[name]) ?? null;
}
