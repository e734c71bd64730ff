// jstat ships no types; these are the ones used here.
declare module 'jstat' {
  const jStat: {
    studentt: {
      /** Quantile of Student's t distribution. */
      inv(probability: number, degreesOfFreedom: number): number;
    };
  };
  export default jStat;
}
