import { writeSync } from 'node:fs';

/** The descriptor that scripts/test.mjs opens for failures; it drops the output of passing tests on the others. */
const failures = 3;

/** A jest reporter that prints only failures, as they occur; scripts/test.mjs prints the summary. */
export default class QuietReporter {
  onTestResult(_test, { failureMessage }) {
    if (failureMessage) writeSync(failures, `${failureMessage.trimEnd()}\n\n`);
  }
}
