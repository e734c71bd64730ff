#include "runtime/threadPool.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace haet {
namespace {

// Spins before sleeping, 50 to 100 microseconds: the next work of a training step usually arrives sooner, and waking a
// thread takes as long.
constexpr int kPolls = 2000;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");  // `yield` takes no time on most of these CPUs
#else
  std::this_thread::yield();
#endif
}

// Polls a condition; returns whether it became true.
template <typename Condition>
bool pollUntil(const Condition& condition) {
  for (int poll = 0; poll < kPolls; ++poll) {
    if (condition()) return true;
    pause();
  }
  return false;
}

class Pool {
 public:
  int size() const { return static_cast<int>(workers_.size()) + 1; }

  void resize(int count) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
    workers_.clear();
    stopping_ = false;
    const unsigned round = round_;
    for (int thread = 1; thread < count; ++thread) {
      workers_.emplace_back([this, round] { work(round); });
    }
  }

  void run(int count, const std::function<void(int)>& body) {
    const std::lock_guard<std::mutex> one(caller_);
    if (workers_.empty() || count <= 1) {
      for (int index = 0; index < count; ++index) body(index);
      return;
    }
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      body_ = &body;
      count_ = count;
      next_ = 0;
      busy_ = static_cast<int>(workers_.size());
      ++round_;
    }
    wake_.notify_all();
    take();
    const auto isDone = [this] { return busy_ == 0; };
    if (!pollUntil(isDone)) {
      std::unique_lock<std::mutex> lock(mutex_);
      done_.wait(lock, isDone);
    }
    if (thrown_ != nullptr) std::rethrow_exception(std::exchange(thrown_, nullptr));
  }

 private:
  // Keeps what a body throws for the caller, who rethrows it after all threads have stopped working.
  void take() {
    try {
      for (int index = next_++; index < count_; index = next_++) (*body_)(index);
    } catch (...) {
      next_ = count_;
      const std::lock_guard<std::mutex> lock(mutex_);
      if (thrown_ == nullptr) thrown_ = std::current_exception();
    }
  }

  void work(unsigned round) {
    const auto isCalled = [&] { return stopping_ || round_ != round; };
    for (;;) {
      if (!pollUntil(isCalled)) {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, isCalled);
      }
      if (stopping_) return;
      round = round_;
      take();
      if (--busy_ == 0) {
        // Under the lock, to avoid a lost wake-up.
        const std::lock_guard<std::mutex> lock(mutex_);
        done_.notify_one();
      }
    }
  }

  std::mutex caller_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> workers_;
  const std::function<void(int)>* body_ = nullptr;
  int count_ = 0;
  std::exception_ptr thrown_;
  std::atomic<int> busy_{0};
  std::atomic<unsigned> round_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<int> next_{0};
};

// Never destroyed; its threads sleep when the process exits.
Pool& pool() {
  static Pool& only = *new Pool;
  return only;
}

}  // namespace

void setThreads(int count) { pool().resize(count < 1 ? 1 : count); }
int threads() { return pool().size(); }
void parallelFor(int count, const std::function<void(int)>& body) { pool().run(count, body); }

}  // namespace haet
