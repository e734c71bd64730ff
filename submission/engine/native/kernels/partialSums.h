// Sums for a batch norm: of its input's values and of their squares. They are computed in parts while the values are in
// the cache. The parts are added in a fixed order, so that the totals do not depend on the number of threads.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "runtime/scratch.h"
#include "runtime/vector.h"

namespace haet {

// Sums of some pixels of one panel, as differences to the first pixel: for values far from zero, squares would lose the
// variance to rounding.
struct Sums {
  Vector origin{}, sum{}, squares{};
  int count = 0;

  void add(const Vector& value) {
    begin(value);
    const Vector difference = value - origin;
    sum += difference;
    squares += difference * difference;
    ++count;
  }

  // Adds several values, pairs first, to shorten dependency chains.
  template <size_t many>
  void add(const Vector (&values)[many]) {
    static_assert(many % 4 == 0, "four at once");
    begin(values[0]);
#pragma GCC unroll 4
    for (size_t at = 0; at < many; at += 4) {
      const Vector a = values[at] - origin, b = values[at + 1] - origin;
      const Vector c = values[at + 2] - origin, d = values[at + 3] - origin;
      sum += (a + b) + (c + d);
      squares += (a * a + b * b) + (c * c + d * d);
    }
    count += many;
  }

 private:
  void begin(const Vector& value) {
    if (count > 0) return;
    origin = value;
    sum = squares = Vector{};
  }
};

class PartialSums {
 public:
  // `scratch` contains the sums until its next use.
  PartialSums(int parts, int channels, Scratch& scratch)
      : parts_(parts),
        panels_(channels / kLanes),
        counts_(parts),
        values_(scratch.ofSize(static_cast<size_t>(parts) * channels * kSums)) {}

  void put(int part, int panel, const Sums& sums) {
    float* to = at(part, panel);
    store(to, sums.origin);
    store(to + kLanes, sums.sum);
    store(to + 2 * kLanes, sums.squares);
    if (panel == 0) counts_[part] = sums.count;
  }

  // For one channel over all parts.
  struct Total {
    double count = 0, sum = 0, squares = 0;
  };
  // Returns the totals of the channels of a panel.
  std::array<Total, kLanes> total(int panel) const {
    std::array<Total, kLanes> totals;
    for (int part = 0; part < parts_; ++part) {
      const float* from = at(part, panel);
      const double count = counts_[part];
      for (int lane = 0; lane < kLanes; ++lane) {
        const double origin = from[lane], sum = from[kLanes + lane], squares = from[2 * kLanes + lane];
        totals[lane].count += count;
        totals[lane].sum += count * origin + sum;
        totals[lane].squares += count * origin * origin + 2 * origin * sum + squares;
      }
    }
    return totals;
  }

 private:
  static constexpr int kSums = 3;

  float* at(int part, int panel) const {
    return values_ + (static_cast<ptrdiff_t>(part) * panels_ + panel) * kSums * kLanes;
  }

  int parts_, panels_;
  std::vector<int> counts_;
  float* values_;
};

}  // namespace haet
