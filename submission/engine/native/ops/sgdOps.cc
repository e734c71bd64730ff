// The update of the weights (sgd.h) as a TensorFlow op. A row of options is [rate, momentum, decay]. They are an input
// because they change in every step, and TensorFlow would create a new kernel for every value of an attribute.
//
//   HaetSgd(N weights, N velocities, N gradients, options [N, 3]; centralized) -> N new_weights, N new_velocities
//
// A tensor of one axis is not centralized.
#include "kernels/sgd.h"
#include "ops/op.h"

namespace haet {
namespace {

void* readCentralized(TF_OpKernelConstruction* construction) {
  const Status status(TF_NewStatus());
  TF_Bool centralized = 0;
  TF_OpKernelConstruction_GetAttrBool(construction, "centralized", &centralized, status.get());
  if (TF_GetCode(status.get()) != TF_OK) {
    TF_OpKernelConstruction_Failure(construction, status.get());
    return nullptr;
  }
  return new bool(centralized != 0);
}

void removeCentralized(void* state) { delete static_cast<bool*>(state); }

void update(Call& call, void* state) {
  constexpr int kOptions = 3;
  const int count = (call.inputs() - 1) / 3;
  const Tensor options = call.input(3 * count);
  if (TF_TensorElementCount(options.get()) != kOptions * count) {
    throw std::invalid_argument("expected rate, momentum and decay for every tensor");
  }
  std::vector<Parameter> parameters;
  for (int index = 0; index < count; ++index) {
    const Tensor& weight = call.kept(call.input(index));
    const Tensor& velocity = call.kept(call.input(count + index));
    const Tensor& gradient = call.kept(call.input(2 * count + index));
    const std::vector<int64_t> shape = shapeOf(weight);
    if (shape.empty() || shapeOf(velocity) != shape || shapeOf(gradient) != shape) {
      throw std::invalid_argument("weight, velocity and gradient must have the same shape, with at least one axis");
    }
    const Tensor& newWeight = call.kept(call.output(index, TF_FLOAT, shape));
    const Tensor& newVelocity = call.kept(call.output(count + index, TF_FLOAT, shape));
    const long values = TF_TensorElementCount(weight.get());
    if (values == 0) continue;
    const int units = static_cast<int>(shape.back());
    const bool centralizes = *static_cast<const bool*>(state) && shape.size() > 1;
    const float* option = data<const float>(options) + kOptions * index;
    parameters.push_back({values / units, units, centralizes, option[0], option[1], option[2],
                          data<const float>(weight), data<const float>(velocity), data<const float>(gradient),
                          data<float>(newWeight), data<float>(newVelocity)});
  }
  sgd(parameters);
}

}  // namespace

void registerSgd() {
  registerOp({"HaetSgd",
              {"weights: N * float", "velocities: N * float", "gradients: N * float", "options: float"},
              {"new_weights: N * float", "new_velocities: N * float"},
              {"N: int >= 1", "centralized: bool"},
              &compute<update>,
              &readCentralized,
              &removeCentralized});
}

}  // namespace haet
