// Memory reused between calls; it only grows. It uses pages of 2 MiB if the system has them.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace haet {

class Scratch {
 public:
  float* ofSize(size_t floats) {
    if (floats > size_) {
      constexpr size_t kPage = 2 << 20;
      const size_t bytes = (floats * sizeof(float) + kPage - 1) / kPage * kPage;
      size_ = 0;
      memory_.reset();
      memory_.reset(static_cast<float*>(std::aligned_alloc(kPage, bytes)));
      if (memory_ == nullptr) throw std::bad_alloc();
      madvise(memory_.get(), bytes, MADV_HUGEPAGE);
      size_ = bytes / sizeof(float);
    }
    return memory_.get();
  }

 private:
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  std::unique_ptr<float, Free> memory_;
  size_t size_ = 0;
};

}  // namespace haet
