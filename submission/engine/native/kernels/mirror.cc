#include "kernels/mirror.h"

#include <algorithm>

#include "runtime/threadPool.h"

namespace haet {
namespace {

constexpr long kShare = 16384;  // values per call of a thread

// The row whose mirror image is this row.
long mirrorOf(const Mirrored& filter, long row) {
  const auto [height, width, in, half] = filter.shape;
  const long place = row / in, input = row % in, column = place % width;
  const long mirrorInput = filter.swapsInputs ? (input + in / 2) % in : input;
  return (place - column + (width - 1 - column)) * in + mirrorInput;
}

// Calls body(filter, row) for every row of every filter, on all threads.
template <typename Body>
void eachRow(const std::vector<Mirrored>& filters, const Body& body) {
  struct Share {
    const Mirrored* filter;
    long first, end;
  };
  std::vector<Share> shares;
  for (const Mirrored& filter : filters) {
    const long rows = filter.shape.rows(), most = std::max(1L, kShare / std::max(1, filter.shape.half));
    for (long row = 0; row < rows; row += most) shares.push_back({&filter, row, std::min(rows, row + most)});
  }
  parallelFor(static_cast<int>(shares.size()), [&](int index) {
    const auto [filter, first, end] = shares[index];
    for (long row = first; row < end; ++row) body(*filter, row);
  });
}

}  // namespace

void mirror(const std::vector<Mirrored>& filters) {
  eachRow(filters, [](const Mirrored& filter, long row) {
    const int half = filter.shape.half;
    float* to = filter.to + row * 2 * half;
    std::copy_n(filter.from + row * half, half, to);
    std::copy_n(filter.from + mirrorOf(filter, row) * half, half, to + half);
  });
}

void mirrorGradient(const std::vector<Mirrored>& filters) {
  eachRow(filters, [](const Mirrored& filter, long row) {
    const int half = filter.shape.half;
    const float* own = filter.from + row * 2 * half;
    const float* mirrored = filter.from + mirrorOf(filter, row) * 2 * half + half;
    float* to = filter.to + row * half;
    for (int at = 0; at < half; ++at) to[at] = own[at] + mirrored[at];
  });
}

}  // namespace haet
