// Runs one native kernel on one shape, with one thread; valgrind counts the instructions within `measured`.
// usage: driver KERNEL BATCH EDGE IN OUT
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "kernels/block.h"
#include "kernels/sgd.h"
#include "runtime/threadPool.h"

using namespace haet;
using Floats = std::vector<float>;

extern "C" __attribute__((noinline)) void measured(const std::function<void()>& kernel) {
  kernel();
  asm volatile("");
}

namespace {

Floats noise(size_t count) {
  Floats values(count);
  unsigned state = 1;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int>(state)) / 2147483648.0f;
  }
  return values;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return std::fprintf(stderr, "usage: driver KERNEL BATCH EDGE IN OUT\n"), 2;
  const char* name = argv[1];
  const int batch = std::atoi(argv[2]), edge = std::atoi(argv[3]), in = std::atoi(argv[4]), out = std::atoi(argv[5]);
  setThreads(1);
  const bool pools = std::strstr(name, "pooled") != nullptr;
  const Block block{{batch, edge, edge, in, out}, in % kLanes != 0, pools, {0.3f, 1e-5f}};
  const Panels result = block.result();
  const Floats input = noise(static_cast<size_t>(batch) * edge * edge * in), filter = noise(9ul * in * out);
  const Floats gradient = noise(result.floats());
  Floats output(result.floats()), values(block.keptValues()), offset(out), mean(out), variance(out), inverse(out);
  Floats inputGradient(block.isPicture ? 0 : input.size()), filterGradient(filter.size()), offsetGradient(out);
  std::vector<uint8_t> choice(pools ? result.floats() : 0);
  uint8_t* choices = pools ? choice.data() : nullptr;
  const Kept kept{values.data(), choices, {mean.data(), variance.data(), inverse.data()}};
  const auto runForward = [&] { forward(block, input.data(), filter.data(), offset.data(), output.data(), kept); };

  const auto is = [&](const char* other) { return std::strncmp(name, other, std::strlen(other)) == 0; };
  if (is("forward")) {
    measured(runForward);
  } else if (is("backward")) {
    runForward();
    measured([&] {
      backward(block, gradient.data(), input.data(), filter.data(), output.data(),
               {values.data(), choices, mean.data(), inverse.data()},
               {block.isPicture ? nullptr : inputGradient.data(), filterGradient.data(), offsetGradient.data()});
    });
  } else if (is("update")) {
    Floats velocity(filter.size()), newWeight(filter.size()), newVelocity(filter.size());
    const Floats slope = noise(filter.size());
    measured([&] {
      sgd({{9l * in, out, true, 0.1f, 0.9f, 5e-4f, filter.data(), velocity.data(), slope.data(), newWeight.data(),
            newVelocity.data()}});
    });
  } else {
    return std::fprintf(stderr, "unknown kernel %s\n", name), 2;
  }
  return 0;
}
