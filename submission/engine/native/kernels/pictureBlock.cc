// Theory of operation
//
// The output has far more channels than the images, so this block is bound by the memory bandwidth for its output. It
// writes the output once and never stores the input of the batch norm, v = sum of filter[tap] * x[tap] over the taps of
// a patch x.
//
// Forward, the moments of v follow from those of the patches, because v is linear: its mean is the sum of filter[tap] *
// mean of x[tap], its variance is filter' C filter with the covariance C of the taps. With known moments, the scale of
// the batch norm belongs to the filter, and the output is written as elu(convolved + shift).
//
// Backward, the gradient of v is scale * (g - mean of g) - slope * (v - mean of v), with the gradient g of the
// normalised values. The gradient of the filter is its sum of products with every tap, so it follows from the sums of
// products of g with the taps, which take one pass over the output and its gradient, and from those of v, which are C
// filter and are kept from the forward pass. `slope` needs the sum of g * v, which is the sum of filter[tap] * (g *
// x[tap]).
#include "kernels/pictureBlock.h"

#include <cmath>
#include <vector>

#include "kernels/fewChannels.h"
#include "kernels/patchSums.h"

namespace haet {
namespace {

using Doubles = std::vector<double>;
using Floats = std::vector<float>;

int tapsOf(const Block& block) { return 9 * block.convolution.in; }

// Returns the sums of the products of every tap with v minus its mean, [9 in, out].
Doubles productsOf(const PatchSums& patches, const float* filter, int out, double count) {
  const int taps = static_cast<int>(patches.sums.size());
  Doubles products(static_cast<size_t>(taps) * out);
  for (int tap = 0; tap < taps; ++tap) {
    double* to = &products[static_cast<size_t>(tap) * out];
    for (int other = 0; other < taps; ++other) {
      const double covariance =
          patches.products[static_cast<size_t>(tap) * taps + other] - patches.sums[tap] * patches.sums[other] / count;
      const float* weights = filter + static_cast<ptrdiff_t>(other) * out;
      for (int channel = 0; channel < out; ++channel) to[channel] += covariance * weights[channel];
    }
  }
  return products;
}

// Writes elu(scale * v + shift).
void writeOutput(const Block& block, const float* input, const float* filter, const Affine& affine, float* output) {
  const int out = block.convolution.out;
  Floats scaled(static_cast<size_t>(tapsOf(block)) * out);
  for (size_t at = 0; at < scaled.size(); ++at) scaled[at] = filter[at] * affine.scale[at % out];
  convolveFewActivated(block.convolution, input, scaled.data(), affine.shift.data(), output);
}

}  // namespace

void forwardPicture(const Block& block, const float* input, const float* filter, const float* offset, float* output,
                    const Kept& kept) {
  const int taps = tapsOf(block), out = block.convolution.out;
  const double count = block.result().pixels();
  const PatchSums patches = patchSums(block.convolution, input);
  const Doubles products = productsOf(patches, filter, out, count);
  Affine affine(out);
  for (int channel = 0; channel < out; ++channel) {
    double mean = 0, spread = 0;
    for (int tap = 0; tap < taps; ++tap) {
      const size_t at = static_cast<size_t>(tap) * out + channel;
      mean += filter[at] * patches.sums[tap] / count;
      spread += filter[at] * products[at] / count;
    }
    const double inverse = putMoments(channel, mean, spread, count, block.normalise, kept.moments);
    affine.put(channel, mean, inverse, offset[channel], block.normalise);
  }
  for (size_t at = 0; at < products.size(); ++at) kept.values[at] = static_cast<float>(products[at]);
  for (int tap = 0; tap < taps; ++tap) kept.values[products.size() + tap] = static_cast<float>(patches.sums[tap]);
  writeOutput(block, input, filter, affine, output);
}

void forwardPictureWith(const Block& block, const float* input, const float* filter, const float* offset,
                        const float* mean, const float* variance, float* output) {
  writeOutput(block, input, filter, affineOf(block.convolution.out, block.normalise, mean, variance, offset), output);
}

void backwardPicture(const Block& block, const float* outputGradient, const float* input, const float* filter,
                     const float* output, const Passed& passed, const Gradients& gradients) {
  const int taps = tapsOf(block), out = block.convolution.out;
  const double count = block.result().pixels();
  const Doubles sums = sumsThroughElu(block.convolution, input, outputGradient, output);
  const float* productsOfValues = passed.values;
  const float* tapSums = passed.values + static_cast<ptrdiff_t>(taps) * out;
  for (int channel = 0; channel < out; ++channel) {
    const double sum = sums[static_cast<size_t>(taps) * out + channel];
    // The sum of products of a tap with the gradient minus its mean.
    const auto centered = [&](int tap) {
      return sums[static_cast<size_t>(tap) * out + channel] - sum / count * tapSums[tap];
    };
    double product = 0;  // of the gradient and v minus its mean
    for (int tap = 0; tap < taps; ++tap) product += filter[static_cast<size_t>(tap) * out + channel] * centered(tap);
    const double inverse = passed.inverse[channel], scale = inverse / block.normalise.alpha;
    const double slope = scale * inverse * inverse * product / count;
    gradients.offset[channel] = static_cast<float>(sum / block.normalise.alpha);
    for (int tap = 0; tap < taps; ++tap) {
      const size_t at = static_cast<size_t>(tap) * out + channel;
      gradients.filter[at] = static_cast<float>(scale * centered(tap) - slope * productsOfValues[at]);
    }
  }
}

}  // namespace haet
