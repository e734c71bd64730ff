/** An entry that was stopped later than this after its deadline had time that others did not have. */
export const tolerableLatenessSeconds = 1;
