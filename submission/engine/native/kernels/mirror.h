// Weights of a mirror-equivariant layer (model/mirror.ts): all output channels from the stored first half, and back.
#pragma once

#include <vector>

namespace haet {

// A filter [height, width, in, 2 * half]; only its first half, [height, width, in, half], is stored. A vector is a
// filter of one input and one place.
struct MirrorShape {
  int height, width, in, half;

  long rows() const { return static_cast<long>(height) * width * in; }  // of `half` values
};

struct Mirrored {
  MirrorShape shape;
  // Whether the inputs have two halves as well, which change places in the mirror image. `in` is even then.
  bool swapsInputs;
  const float* from;
  float* to;
};

// from: stored weights; to: those of all output channels. The second half is the mirror image of the first.
void mirror(const std::vector<Mirrored>& filters);

// The transpose. from: gradients of the weights of all output channels; to: those of the stored weights, which occur
// twice.
void mirrorGradient(const std::vector<Mirrored>& filters);

}  // namespace haet
