/** Returns a function that prints a sentence on standard error, with the seconds since this call. */
export function tellWithTime(): (sentence: string) => void {
  const startedAt = performance.now();
  return (sentence) => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1).padStart(7);
    process.stderr.write(`${seconds} s  ${sentence}\n`);
  };
}
