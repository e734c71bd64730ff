// The update of weights as a TensorFlow op, as in sgd.h; options: [rate, momentum, decay], an input because attributes
// that change at every step would each make a kernel of their own.
//
//   HaetSgd(weight, velocity, gradient, options; centralized) -> new_weight, new_velocity
//
// A tensor of one axis is not centralized.
#include "op.h"
#include "sgd.h"

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
  const Tensor weight = call.input(0), velocity = call.input(1), gradient = call.input(2), options = call.input(3);
  std::vector<int64_t> shape(rank(weight));
  bool fits = rank(velocity) == rank(weight) && rank(gradient) == rank(weight) && rank(weight) > 0;
  for (int axis = 0; fits && axis < rank(weight); ++axis) {
    shape[axis] = edge(weight, axis);
    fits = edge(velocity, axis) == shape[axis] && edge(gradient, axis) == shape[axis];
  }
  if (!fits) throw std::invalid_argument("weight, velocity and gradient must have one shape of an axis or more");
  if (TF_TensorElementCount(options.get()) != 3) throw std::invalid_argument("expected rate, momentum and decay");
  const auto* values = data<const float>(options);
  const int units = static_cast<int>(shape.back());
  const long count = TF_TensorElementCount(weight.get());
  const bool centralized = *static_cast<const bool*>(state) && rank(weight) > 1;
  const Tensor newWeight = call.output(0, TF_FLOAT, shape), newVelocity = call.output(1, TF_FLOAT, shape);
  if (count == 0) return;
  const long inputs = count / units;
  const Sgd sgdOptions{values[0], values[1], values[2]};
  sgd(sgdOptions, inputs, units, centralized, data<const float>(weight), data<const float>(velocity),
      data<const float>(gradient), data<float>(newWeight), data<float>(newVelocity));
}

}  // namespace

void registerSgd() {
  registerOp({"HaetSgd",
              {"weight: float", "velocity: float", "gradient: float", "options: float"},
              {"new_weight: float", "new_velocity: float"},
              {"centralized: bool"},
              &compute<update>,
              &readCentralized,
              &removeCentralized});
}

}  // namespace haet
