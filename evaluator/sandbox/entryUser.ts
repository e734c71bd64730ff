/** Who entries run as where we are root, in a number that no distribution gives to anybody. */
export const entryUser = 64_001;

/** Words that give up every right of root before a stage starts: no capabilities, and no way to gain any. */
export const becomeEntryUser = [
  'setpriv',
  `--reuid=${entryUser}`,
  `--regid=${entryUser}`,
  '--clear-groups',
  '--inh-caps=-all',
  '--bounding-set=-all',
  '--no-new-privs',
  '--',
] as const;
