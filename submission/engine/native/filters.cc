// Filters are read and written in bricks of all taps, eight inputs and sixteen outputs: whole lines of the cache. The taps
// lie a power of two apart in most networks, so that a line would have left the cache before its other half is asked for.
#include "filters.h"

#include <algorithm>

#include "threadPool.h"

namespace haet {
namespace {

constexpr int kTaps = 9;
constexpr int kLinePanels = 2;  // panels of eight floats in a line of the cache

// The values of kLanes rows at all taps, for each of the brick's halves.
using Brick = Vector[kLinePanels][kLanes][kTaps];

// Calls body(inputs, outputs, count) for all bricks: of which panel of inputs, from which panel of outputs on, and how many
// of those.
template <typename Body>
void withBricks(const Convolution& shape, const Body& body) {
  const int panels = shape.out / kLanes;
  parallelFor(shape.in / kLanes, [&](int inputs) {
    for (int outputs = 0; outputs < panels; outputs += kLinePanels) {
      body(inputs, outputs, std::min(kLinePanels, panels - outputs));
    }
  });
}

// Where a tap's outputs begin for the first of a panel of inputs, from a panel of outputs on.
ptrdiff_t cornerOf(const Convolution& shape, int tap, int inputs, int outputs) {
  return (static_cast<ptrdiff_t>(tap) * shape.in + inputs * kLanes) * shape.out + outputs * kLanes;
}

}  // namespace

void pointsOfFilter(const Convolution& shape, const Way& way, const float* filter, float* points) {
  const Points layout = way.filter();
  const ptrdiff_t stride = layout.stride();
  const bool turns = way.use == Use::kBackward;
  withBricks(shape, [&](int inputs, int outputs, int count) {
    Brick brick;
    for (int tap = 0; tap < kTaps; ++tap) {
      const float* from = filter + cornerOf(shape, turns ? kTaps - 1 - tap : tap, inputs, outputs);
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
        float* to = points + layout.at(rows * kLanes + row, panel);
        square<3, kWindow, filterToPoints>(
            [&](int down, int across) { return values[down * 3 + across]; },
            [&](int down, int across, const Vector& value) { store(to + (down * kWindow + across) * stride, value); });
      }
    }
  });
}

void filterGradientOfPoints(const Convolution& shape, const float* points, const Points& layout, float* filterGradient) {
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
