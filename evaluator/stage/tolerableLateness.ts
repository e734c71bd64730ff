/** An entry that is stopped later than this after its deadline had an unfair advantage. */
export const tolerableLatenessSeconds = 1;
