// The maximum of windows of two by two pixels, and its gradient.
#pragma once

#include <cstdint>

#include "kernels/panels.h"
#include "runtime/vector.h"

namespace haet {

// The largest of four values, row by row, the first where some are equal, and which it is.
struct Largest {
  Vector value;
  Integers choice;
};

inline Largest largestOf(const Vector& first, const Vector& right, const Vector& below, const Vector& last) {
  Largest largest{first, {}};
  int other = 0;
  for (const Vector* candidate : {&right, &below, &last}) {
    ++other;
    // What is not a number is larger than any, so that it is seen.
    const Integers isLarger = (*candidate > largest.value) | (*candidate != *candidate);
    largest.value = isLarger ? *candidate : largest.value;
    largest.choice = isLarger ? Integers{} + other : largest.choice;
  }
  return largest;
}

// A gradient to images as convolutions take it: where something is pooled, that to the pooled values, which is a
// quarter to read, and which of its window each of them is; else choice is null.
struct Gradient {
  const float* values;
  const uint8_t* choice;
};

}  // namespace haet
