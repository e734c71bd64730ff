import { writeSync } from 'node:fs';

/** The descriptor that scripts/test.mjs opens for failures; it drops what passing tests print on the others. */
const failures = 3;

/** A jest reporter that prints failures alone, as they come; scripts/test.mjs prints the summary. */
export default class QuietReporter {
  onTestResult(_test, { failureMessage }) {
    if (failureMessage) writeSync(failures, `${failureMessage.trimEnd()}\n\n`);
  }
}
