// Runs one native kernel on one shape, with one thread; valgrind counts what happens within `measured`.
// usage: driver KERNEL BATCH EDGE IN OUT
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "convolution.h"
#include "fewChannels.h"
#include "normalise.h"
#include "sgd.h"
#include "threadPool.h"

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
  const Convolution shape{batch, edge, edge, in, out};
  const bool isFew = in % 8 != 0;
  const size_t pixels = static_cast<size_t>(batch) * edge * edge;
  Floats input = noise(pixels * in), output = noise(pixels * out), filter = noise(static_cast<size_t>(9) * in * out);
  const bool pool = std::strstr(name, "pooled") != nullptr;
  const Normalise tail{batch, edge, edge, out, pool, 0.3f, 1e-5f};
  Floats activated(pixels * out), pooled(pool ? pixels * out / 4 : 0), offset(out), mean(out), variance(out), inverse(out);
  Floats gradient(pixels * out), offsetGradient(out);
  std::vector<uint8_t> choice(pooled.size());

  const auto forward = [&] {
    normalise(tail, output.data(), offset.data(), activated.data(), pooled.data(), choice.data(),
              {mean.data(), variance.data(), inverse.data()});
  };
  const auto is = [&](const char* other) { return std::strncmp(name, other, std::strlen(other)) == 0; };
  if (is("forward")) {
    measured([&] { (isFew ? convolveFew : convolve)(shape, input.data(), filter.data(), output.data()); });
  } else if (is("input-gradient")) {
    measured([&] { convolveInputGradient(shape, filter.data(), output.data(), input.data()); });
  } else if (is("filter-gradient")) {
    measured([&] {
      (isFew ? convolveFewFilterGradient : convolveFilterGradient)(shape, input.data(), output.data(), filter.data());
    });
  } else if (is("tail-forward")) {
    measured(forward);
  } else if (is("tail-backward")) {
    forward();
    measured([&] {
      normaliseGradient(tail, output.data(), activated.data(), pool ? pooled.data() : output.data(), choice.data(),
                        mean.data(), inverse.data(), gradient.data(), offsetGradient.data());
    });
  } else if (is("update")) {
    Floats velocity(filter.size()), weight(filter.size()), newVelocity(filter.size());
    const Floats slope = noise(filter.size());
    measured([&] {
      sgd({0.1f, 0.9f, 5e-4f}, 9l * in, out, true, filter.data(), velocity.data(), slope.data(), weight.data(),
                newVelocity.data());
    });
  } else {
    return std::fprintf(stderr, "no kernel is called %s\n", name), 2;
  }
  return 0;
}
