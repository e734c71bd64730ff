// Memory layout of activations: [batch, channels / kLanes, height, width, kLanes]. The pixels of kLanes channels are
// contiguous and are called a plane. Reading or writing kLanes channels of a few pixels uses few, whole cache lines.
#pragma once

#include <cstddef>

#include "runtime/vector.h"

namespace haet {

struct Panels {
  int batch, height, width;
  int channels;  // a multiple of kLanes

  int panels() const { return channels / kLanes; }
  ptrdiff_t rowSize() const { return static_cast<ptrdiff_t>(width) * kLanes; }
  ptrdiff_t planeSize() const { return height * rowSize(); }
  ptrdiff_t imageSize() const { return panels() * planeSize(); }
  size_t floats() const { return batch * imageSize(); }
  long pixels() const { return static_cast<long>(batch) * height * width; }
  // The start of a plane.
  ptrdiff_t plane(int image, int panel) const { return image * imageSize() + panel * planeSize(); }
};

}  // namespace haet
