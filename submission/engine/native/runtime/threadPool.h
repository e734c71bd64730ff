// A small pool of threads that sleep while there is no work.
#pragma once

#include <functional>

namespace haet {

// Sets how many threads compute, including the caller's; one until it is set. Must not be called while `parallelFor` runs.
// Throws std::system_error when the system refuses a thread; the threads made so far are used.
void setThreads(int count);
int threads();

// Runs body(index) once for every index in 0..count-1, on all threads, and returns when all are done. Rethrows what a body
// throws, after all threads have stopped working. Which thread runs an index is not defined.
void parallelFor(int count, const std::function<void(int index)>& body);

}  // namespace haet
