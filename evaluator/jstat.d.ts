// jstat ships no types; these are the ones used here.
declare module 'jstat' {
  const jStat: {
    normal: {
      /** Quantile of the normal distribution. */
      inv(probability: number, mean: number, standardDeviation: number): number;
    };
    studentt: {
      /** Quantile of Student's t distribution. */
      inv(probability: number, degreesOfFreedom: number): number;
    };
  };
  export default jStat;
}
