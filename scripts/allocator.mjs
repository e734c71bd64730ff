/**
 * Environment for any process that trains: glibc keeps freed memory instead of handing it back to the kernel.
 * Fresh pages cost 2.5 s per GB, and TensorFlow frees and allocates every activation at every step.
 */
export const allocatorEnvironment = {
  MALLOC_MMAP_THRESHOLD_: String(2 ** 32),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 34),
};
