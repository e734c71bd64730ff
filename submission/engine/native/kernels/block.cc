// Theory of operation
//
// Forward, the convolution writes the input of the batch norm and its sums, from which the statistics are computed. One
// more pass over memory normalises and activates. Backward, the gradient to the input of the batch norm is written
// once, and both products of the convolution read it. Images that are not pooled take another way (pictureBlock.cc).
//
// Intermediate results are in scratch memory that is reused between calls, so only one call runs at a time.
#include "kernels/block.h"

#include <mutex>

#include "kernels/fewChannels.h"
#include "kernels/pictureBlock.h"
#include "runtime/scratch.h"

namespace haet {
namespace {

Scratch sumScratch, valueScratch, choiceScratch;  // one call at a time
std::mutex oneCall;

uint8_t* choicesIn(Scratch& scratch, size_t count) {
  return reinterpret_cast<uint8_t*>(scratch.ofSize((count + sizeof(float) - 1) / sizeof(float)));
}

// Convolves and pools. Returns the sums of the values.
PartialSums convolved(const Block& block, const float* input, const float* filter, float* values, uint8_t* choice) {
  const Convolution& shape = block.convolution;
  PartialSums sums(block.isPicture ? shape.batch : partsOf(shape), shape.out, sumScratch);
  (block.isPicture ? convolveFew : convolve)(shape, input, filter, {values, choice, &sums});
  return sums;
}

}  // namespace

void forward(const Block& block, const float* input, const float* filter, const float* offset, float* output,
             const Kept& kept) {
  const std::lock_guard<std::mutex> lock(oneCall);
  if (block.isPlainPicture()) return forwardPicture(block, input, filter, offset, output, kept);
  const PartialSums sums = convolved(block, input, filter, kept.values, kept.choice);
  normalise(block.result(), block.normalise, kept.values, sums, offset, kept.moments, output);
}

void forwardWith(const Block& block, const float* input, const float* filter, const float* offset, const float* mean,
                 const float* variance, float* output) {
  const std::lock_guard<std::mutex> lock(oneCall);
  if (block.isPlainPicture()) return forwardPictureWith(block, input, filter, offset, mean, variance, output);
  const size_t count = block.result().floats();
  float* values = valueScratch.ofSize(count);
  convolved(block, input, filter, values, block.pools ? choicesIn(choiceScratch, count) : nullptr);
  normaliseWith(block.result(), block.normalise, values, mean, variance, offset, output);
}

void backward(const Block& block, const float* outputGradient, const float* input, const float* filter,
              const float* output, const Passed& passed, const Gradients& gradients) {
  const std::lock_guard<std::mutex> lock(oneCall);
  if (block.isPlainPicture()) return backwardPicture(block, outputGradient, input, filter, output, passed, gradients);
  const Convolution& shape = block.convolution;
  float* valueGradient = valueScratch.ofSize(block.result().floats());
  normaliseGradient(block.result(), block.normalise, outputGradient, output, passed.values, passed.mean, passed.inverse,
                    valueGradient, gradients.offset);
  const Gradient gradient{valueGradient, passed.choice};
  if (gradients.input != nullptr) convolveInputGradient(shape, filter, gradient, gradients.input);
  (block.isPicture ? convolveFewFilterGradient : convolveFilterGradient)(shape, input, gradient, gradients.filter);
}

}  // namespace haet
