// Helpers for TensorFlow's C kernel API.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <deque>
#include <exception>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"

namespace haet {

struct DeleteTensor {
  void operator()(TF_Tensor* tensor) const { TF_DeleteTensor(tensor); }
};
struct DeleteStatus {
  void operator()(TF_Status* status) const { TF_DeleteStatus(status); }
};
using Tensor = std::unique_ptr<TF_Tensor, DeleteTensor>;
using Status = std::unique_ptr<TF_Status, DeleteStatus>;

inline int rank(const Tensor& tensor) { return TF_NumDims(tensor.get()); }
inline int edge(const Tensor& tensor, int axis) { return static_cast<int>(TF_Dim(tensor.get(), axis)); }

inline std::vector<int64_t> shapeOf(const Tensor& tensor) {
  std::vector<int64_t> shape(rank(tensor));
  for (int axis = 0; axis < rank(tensor); ++axis) shape[axis] = TF_Dim(tensor.get(), axis);
  return shape;
}

template <typename Value>
Value* data(const Tensor& tensor) {
  return static_cast<Value*>(TF_TensorData(tensor.get()));
}

// One call of an op. Exceptions become the op's error status.
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()) {}

  int inputs() const { return TF_NumInputs(context_); }

  Tensor input(int index) {
    TF_Tensor* tensor = nullptr;
    TF_GetInput(context_, index, &tensor, status_.get());
    check();
    return Tensor(tensor);
  }

  Tensor output(int index, TF_DataType type, const std::vector<int64_t>& shape) {
    size_t bytes = TF_DataTypeSize(type);
    for (const int64_t edge : shape) bytes *= edge;
    Tensor tensor(
        TF_AllocateOutput(context_, index, type, shape.data(), static_cast<int>(shape.size()), bytes, status_.get()));
    check();
    return tensor;
  }

  // Keeps a tensor and its memory until the call ends.
  const Tensor& kept(Tensor tensor) { return kept_.emplace_back(std::move(tensor)); }

  void fail(const char* why) {
    TF_SetStatus(status_.get(), TF_INVALID_ARGUMENT, why);
    TF_OpKernelContext_Failure(context_, status_.get());
  }

 private:
  void check() {
    if (TF_GetCode(status_.get()) != TF_OK) throw std::runtime_error(TF_Message(status_.get()));
  }

  TF_OpKernelContext* context_;
  Status status_;
  std::deque<Tensor> kept_;
};

// The compute function of a kernel. body receives the call and the state of the kernel, which may be null.
template <void (*body)(Call&, void* state)>
void compute(void* state, TF_OpKernelContext* context) {
  Call call(context);
  try {
    body(call, state);
  } catch (const std::exception& error) {
    call.fail(error.what());
  }
}

inline void unknownShape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

// An op for the CPU, in TensorFlow's op definition syntax: "input: float", "inputs: N * float", "pool: bool".
struct Op {
  const char* name;
  std::initializer_list<const char*> inputs, outputs, attributes;
  void (*compute)(void*, TF_OpKernelContext*);
  void* (*create)(TF_OpKernelConstruction*) = nullptr;
  void (*remove)(void*) = nullptr;
};

#define HAET_QUOTED(word) #word
#define HAET_QUOTE(word) HAET_QUOTED(word)
constexpr const char* kVariant = HAET_QUOTE(HAET_VARIANT);

// Registers an op with TensorFlow, under its name and that of the variant: a process can load several. @throws
// std::runtime_error with the message of TensorFlow
inline void registerOp(const Op& op) {
  const std::string name = std::string(op.name) + "_" + kVariant;
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(name.c_str());
  for (const char* each : op.inputs) TF_OpDefinitionBuilderAddInput(definition, each);
  for (const char* each : op.outputs) TF_OpDefinitionBuilderAddOutput(definition, each);
  for (const char* each : op.attributes) TF_OpDefinitionBuilderAddAttr(definition, each);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, &unknownShape);
  const Status status(TF_NewStatus());
  TF_RegisterOpDefinition(definition, status.get());
  if (TF_GetCode(status.get()) == TF_OK) {
    TF_RegisterKernelBuilder(name.c_str(), TF_NewKernelBuilder(name.c_str(), "CPU", op.create, op.compute, op.remove),
                             status.get());
  }
  if (TF_GetCode(status.get()) != TF_OK) throw std::runtime_error(TF_Message(status.get()));
}

void registerBlocks();
void registerUpdates();
void registerAverage();
void registerMirror();

}  // namespace haet
