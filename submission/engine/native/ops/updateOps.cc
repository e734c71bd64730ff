// The updates of the weights (sgd.h, muon.h) as TensorFlow ops. A row of options is [rate, momentum, decay]. They are
// an input because they change in every step, and TensorFlow would create a new kernel for every value of an attribute.
//
//   HaetSgd(N weights, N velocities, N gradients, options [N, 3]; centralized) -> N new_weights, N new_velocities
//   HaetMuon(the same; centralized, iterations) -> the same
//
// A tensor of one axis is not centralized, and not a filter for Muon.
#include "kernels/muon.h"
#include "kernels/sgd.h"
#include "ops/op.h"

namespace haet {
namespace {

struct Attributes {
  bool centralized = false;
  int iterations = 0;  // of Muon
};

template <bool isMuon>
void* readAttributes(TF_OpKernelConstruction* construction) {
  const Status status(TF_NewStatus());
  TF_Bool centralized = 0;
  int64_t iterations = 0;
  TF_OpKernelConstruction_GetAttrBool(construction, "centralized", &centralized, status.get());
  if (isMuon && TF_GetCode(status.get()) == TF_OK) {
    TF_OpKernelConstruction_GetAttrInt64(construction, "iterations", &iterations, status.get());
  }
  if (TF_GetCode(status.get()) != TF_OK) {
    TF_OpKernelConstruction_Failure(construction, status.get());
    return nullptr;
  }
  return new Attributes{centralized != 0, static_cast<int>(iterations)};
}

void removeAttributes(void* state) { delete static_cast<Attributes*>(state); }

std::vector<Parameter> parametersOf(Call& call, bool centralized, int leastAxes) {
  constexpr int kOptions = 3;
  const int count = (call.inputs() - 1) / 3;
  const Tensor& options = call.kept(call.input(3 * count));
  if (TF_TensorElementCount(options.get()) != kOptions * count) {
    throw std::invalid_argument("expected rate, momentum and decay for every tensor");
  }
  std::vector<Parameter> parameters;
  for (int index = 0; index < count; ++index) {
    const Tensor& weight = call.kept(call.input(index));
    const Tensor& velocity = call.kept(call.input(count + index));
    const Tensor& gradient = call.kept(call.input(2 * count + index));
    const std::vector<int64_t> shape = shapeOf(weight);
    if (static_cast<int>(shape.size()) < leastAxes || shapeOf(velocity) != shape || shapeOf(gradient) != shape) {
      throw std::invalid_argument("weight, velocity and gradient must have the same shape, with at least " +
                                  std::string(leastAxes == 1 ? "one axis" : "two axes"));
    }
    const Tensor& newWeight = call.kept(call.output(index, TF_FLOAT, shape));
    const Tensor& newVelocity = call.kept(call.output(count + index, TF_FLOAT, shape));
    const long values = TF_TensorElementCount(weight.get());
    if (values == 0) continue;
    const int units = static_cast<int>(shape.back());
    const bool centralizes = centralized && shape.size() > 1;
    const float* option = data<const float>(options) + kOptions * index;
    parameters.push_back({values / units, units, centralizes, option[0], option[1], option[2],
                          data<const float>(weight), data<const float>(velocity), data<const float>(gradient),
                          data<float>(newWeight), data<float>(newVelocity)});
  }
  return parameters;
}

void updateBySgd(Call& call, void* state) {
  sgd(parametersOf(call, static_cast<const Attributes*>(state)->centralized, 1));
}

void updateByMuon(Call& call, void* state) {
  const auto& [centralized, iterations] = *static_cast<const Attributes*>(state);
  muon(parametersOf(call, centralized, 2), iterations);
}

}  // namespace

void registerUpdates() {
  const auto inputs = {"weights: N * float", "velocities: N * float", "gradients: N * float", "options: float"};
  const auto outputs = {"new_weights: N * float", "new_velocities: N * float"};
  registerOp({"HaetSgd",
              inputs,
              outputs,
              {"N: int >= 1", "centralized: bool"},
              &compute<updateBySgd>,
              &readAttributes<false>,
              &removeAttributes});
  registerOp({"HaetMuon",
              inputs,
              outputs,
              {"N: int >= 1", "centralized: bool", "iterations: int >= 1"},
              &compute<updateByMuon>,
              &readAttributes<true>,
              &removeAttributes});
}

}  // namespace haet
