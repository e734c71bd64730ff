// Filters are read in blocks of all taps, kLanes inputs and sixteen outputs, so that whole cache lines are used. Taps
// are often a power of two apart, so a half-used line would be evicted before its other half is read.
#include "kernels/filters.h"

#include <algorithm>

#include "runtime/threadPool.h"

namespace haet {
namespace {

constexpr int kTaps = 9;
constexpr int kLinePanels = kLineFloats / kLanes;  // panels that share a line of the cache

// The values of kLanes rows at all taps, for each half of a block.
using Brick = Vector[kLinePanels][kLanes][kTaps];

}  // namespace

void pointsOfFilter(const Convolution& shape, const Way& way, const float* filter, Operand* points) {
  const Points layout = way.filter();
  const bool turns = way.use == Use::kBackward;
  const int panels = shape.out / kLanes;
  const auto take = [&](int inputs, int outputs, int count) {
    Brick brick;
    RowsOfPoints<kInterleaved> to(points, layout);
    for (int tap = 0; tap < kTaps; ++tap) {
      const ptrdiff_t first = (turns ? kTaps - 1 - tap : tap) * shape.in + inputs * kLanes;
      const float* from = filter + first * shape.out + outputs * kLanes;
      Vector values[kLinePanels][kLanes];
      for (int row = 0; row < kLanes; ++row, from += shape.out) {
        for (int half = 0; half < count; ++half) values[half][row] = load(from + half * kLanes);
      }
      for (int half = 0; half < count; ++half) {
        if (turns) transpose(values[half]);
        for (int row = 0; row < kLanes; ++row) brick[half][row][tap] = values[half][row];
      }
    }
    for (int half = 0; half < count; ++half) {
      const int rows = turns ? outputs + half : inputs, panel = turns ? inputs : outputs + half;
      for (int row = 0; row < kLanes; ++row) {
        const Vector* values = brick[half][row];
        to.begin(rows * kLanes + row, panel);
        square<3, kWindow, filterToPoints>(
            [&](int down, int across) { return values[down * 3 + across]; },
            [&](int down, int across, const Vector& value) { to.put(down * kWindow + across, value); });
      }
    }
  };
  parallelFor(shape.in / kLanes, [&](int inputs) {
    for (int outputs = 0; outputs < panels; outputs += kLinePanels) {
      take(inputs, outputs, std::min(kLinePanels, panels - outputs));
    }
  });
}

void filterGradientOfPoints(const Convolution& shape, const float* points, const Products& layout,
                            float* filterGradient) {
  const ptrdiff_t stride = layout.stride();
  parallelFor(shape.out / kLanes, [&](int outputs) {
    for (int row = 0; row < shape.in; ++row) {
      const float* from = points + layout.at(row, outputs);
      square<kWindow, 3, pointsToFilterGradient>(
          [&](int down, int across) { return load(from + (down * kWindow + across) * stride); },
          [&](int down, int across, const Vector& value) {
            const ptrdiff_t tap = down * 3 + across;
            store(filterGradient + (tap * shape.in + row) * shape.out + outputs * kLanes, value);
          });
    }
  });
}

}  // namespace haet
