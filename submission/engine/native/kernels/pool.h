// The maximum of windows of two by two pixels, and its gradient.
#pragma once

#include <cstdint>

#include "kernels/panels.h"
#include "runtime/vector.h"

namespace haet {

// The largest of four values, and its index row by row; of equal values the first.
struct Largest {
  Vector value;
  Integers choice;
};

inline Largest largestOf(const Vector& first, const Vector& right, const Vector& below, const Vector& last) {
  Largest largest{first, {}};
  int other = 0;
  for (const Vector* candidate : {&right, &below, &last}) {
    ++other;
    // NaN counts as larger than any number, so that it propagates.
    const Integers isLarger = (*candidate > largest.value) | (*candidate != *candidate);
    largest.value = isLarger ? *candidate : largest.value;
    largest.choice = isLarger ? Integers{} + other : largest.choice;
  }
  return largest;
}

// A gradient of images as convolutions read it. With pooling it is the gradient of the pooled values, a quarter of the
// memory to read, and `choice` is the index of each in its window; without pooling `choice` is null.
struct Gradient {
  const float* values;
  const uint8_t* choice;
};

}  // namespace haet
