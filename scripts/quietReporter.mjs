// A jest reporter that prints failures alone; scripts/test.mjs prints the rest when all are over.
export default class QuietReporter {
  onTestResult(_test, { failureMessage }) {
    if (failureMessage) process.stdout.write(`${failureMessage.trimEnd()}\n\n`);
  }
}
