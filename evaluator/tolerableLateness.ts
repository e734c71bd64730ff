/** A kill that was over later than this after the deadline gave the entry time that others did not have. */
export const tolerableLatenessSeconds = 1;
