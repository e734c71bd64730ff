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
    /** Regularized incomplete beta function I_x(a, b), a and b > 0. */
    ibeta(x: number, a: number, b: number): number;
  };
  export default jStat;
}
