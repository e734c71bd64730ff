/** Characters that the reason of a rejudging can have. */
export const longestReason = 500;
