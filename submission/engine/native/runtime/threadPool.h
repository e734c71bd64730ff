// A small pool of threads that sleep while there is no work.
#pragma once

#include <functional>

namespace haet {

// Sets the number of threads, including the caller's; initially one. Must not be called while `parallelFor` runs.
// Throws std::system_error if the system refuses a thread; the threads created so far are used.
void setThreads(int count);
int threads();

// Runs body(index) once for every index in 0..count-1, on all threads, and returns when all are done. Rethrows an
// exception of a body after all threads have stopped. Which thread runs an index is not defined.
void parallelFor(int count, const std::function<void(int index)>& body);

}  // namespace haet
