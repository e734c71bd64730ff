// The weights of mirror-equivariant layers (kernels/mirror.h) as TensorFlow ops, each for many tensors. A tensor has
// four axes, [height, width, in, out], or one, [out].
//
//   HaetMirror(N stored; N, swaps_inputs) -> N whole, whose last axis is twice as long
//   HaetMirrorGradient(N gradients of whole; N, swaps_inputs) -> N gradients of stored
#include "kernels/mirror.h"
#include "ops/op.h"

namespace haet {
namespace {

void* readSwapsInputs(TF_OpKernelConstruction* construction) {
  const Status status(TF_NewStatus());
  TF_Bool swapsInputs = 0;
  TF_OpKernelConstruction_GetAttrBool(construction, "swaps_inputs", &swapsInputs, status.get());
  if (TF_GetCode(status.get()) == TF_OK) return new bool(swapsInputs != 0);
  TF_OpKernelConstruction_Failure(construction, status.get());
  return nullptr;
}

void removeSwapsInputs(void* state) { delete static_cast<bool*>(state); }

template <bool isGradient>
void computeMirrored(Call& call, void* state) {
  const bool swapsInputs = *static_cast<const bool*>(state);
  std::vector<Mirrored> filters;
  for (int index = 0; index < call.inputs(); ++index) {
    const Tensor& from = call.kept(call.input(index));
    std::vector<int64_t> axes = shapeOf(from);
    const bool isFilter = axes.size() == 4;
    if (!isFilter && axes.size() != 1) throw std::invalid_argument("expected tensors of four axes or one");
    const int in = isFilter ? edge(from, 2) : 1;
    if (isFilter && swapsInputs && in % 2 != 0) throw std::invalid_argument("the number of inputs must be even");
    if (isGradient && axes.back() % 2 != 0) throw std::invalid_argument("the number of outputs must be even");
    axes.back() = isGradient ? axes.back() / 2 : axes.back() * 2;
    const Tensor& to = call.kept(call.output(index, TF_FLOAT, axes));
    const int half = static_cast<int>(isGradient ? axes.back() : axes.back() / 2);
    const MirrorShape shape{isFilter ? edge(from, 0) : 1, isFilter ? edge(from, 1) : 1, in, half};
    filters.push_back({shape, isFilter && swapsInputs, data<const float>(from), data<float>(to)});
  }
  (isGradient ? mirrorGradient : mirror)(filters);
}

}  // namespace

void registerMirror() {
  const auto attributes = {"N: int >= 1", "swaps_inputs: bool"};
  registerOp({"HaetMirror",
              {"stored: N * float"},
              {"whole: N * float"},
              attributes,
              &compute<computeMirrored<false>>,
              &readSwapsInputs,
              &removeSwapsInputs});
  registerOp({"HaetMirrorGradient",
              {"whole_gradients: N * float"},
              {"stored_gradients: N * float"},
              attributes,
              &compute<computeMirrored<true>>,
              &readSwapsInputs,
              &removeSwapsInputs});
}

}  // namespace haet
