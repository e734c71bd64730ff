// A small pool of threads that sleep while there is nothing to do.
#pragma once

#include <functional>

namespace haet {

// How many threads compute, the caller's among them; one until it is set. Not to be called while `parallelFor` runs.
// Throws std::system_error where the system refuses a thread; those made so far compute.
void setThreads(int count);
int threads();

// Runs body(index) for every index in 0..count-1, each once, on all threads, and returns when all are done. What a body
// throws is thrown here, once no thread is at work any more. Which thread takes an index is not defined.
void parallelFor(int count, const std::function<void(int index)>& body);

}  // namespace haet
