// The convolutions as TensorFlow ops, through its C interface for kernels, and the addon that Node loads to have them:
//
//   HaetConvolution(input, filter) -> output
//   HaetConvolutionInputGradient(filter, output_gradient) -> input_gradient
//   HaetConvolutionFilterGradient(input, output_gradient) -> filter_gradient
//
// float32, on the CPU. Shapes as in convolution.h.
#include <node_api.h>

#include <cstdint>
#include <exception>
#include <initializer_list>
#include <memory>

#include "convolution.h"
#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"
#include "threadPool.h"

namespace {

struct DeleteTensor {
  void operator()(TF_Tensor* tensor) const { TF_DeleteTensor(tensor); }
};
struct DeleteStatus {
  void operator()(TF_Status* status) const { TF_DeleteStatus(status); }
};
using Tensor = std::unique_ptr<TF_Tensor, DeleteTensor>;
using Status = std::unique_ptr<TF_Status, DeleteStatus>;

Status newStatus() { return Status(TF_NewStatus()); }

void fail(TF_OpKernelContext* context, const char* why) {
  const Status status = newStatus();
  TF_SetStatus(status.get(), TF_INVALID_ARGUMENT, why);
  TF_OpKernelContext_Failure(context, status.get());
}

const float* floats(const Tensor& tensor) { return static_cast<const float*>(TF_TensorData(tensor.get())); }
int edge(const Tensor& tensor, int axis) { return static_cast<int>(TF_Dim(tensor.get(), axis)); }

enum class Product { kOutput, kInputGradient, kFilterGradient };

// An image, [batch, height, width, channels], or a filter, [3, 3, in, out], with channels that fill vectors.
bool isImage(const Tensor& tensor) { return TF_NumDims(tensor.get()) == 4 && edge(tensor, 3) % 8 == 0; }
bool isFilter(const Tensor& tensor) {
  return isImage(tensor) && edge(tensor, 0) == 3 && edge(tensor, 1) == 3 && edge(tensor, 2) % 8 == 0;
}

template <Product product>
void compute(void*, TF_OpKernelContext* context) {
  const Status status = newStatus();
  TF_Tensor* raw[2] = {};
  for (int index = 0; index < 2; ++index) {
    TF_GetInput(context, index, &raw[index], status.get());
    if (TF_GetCode(status.get()) != TF_OK) return TF_OpKernelContext_Failure(context, status.get());
  }
  const Tensor first(raw[0]), second(raw[1]);
  constexpr bool firstIsFilter = product == Product::kInputGradient, secondIsFilter = product == Product::kOutput;
  if (!(firstIsFilter ? isFilter(first) : isImage(first)) || !(secondIsFilter ? isFilter(second) : isImage(second))) {
    return fail(context, "expected images [batch, height, width, channels] and a filter [3, 3, in, out], with channels "
                         "that are multiples of 8");
  }
  const Tensor& image = firstIsFilter ? second : first;
  haet::Convolution shape{edge(image, 0), edge(image, 1), edge(image, 2), 0, edge(second, 3)};
  shape.in = firstIsFilter ? edge(first, 2) : edge(first, 3);
  if (firstIsFilter) shape.out = edge(first, 3);

  const bool fits = product == Product::kOutput          ? edge(second, 2) == shape.in
                    : product == Product::kInputGradient ? edge(second, 3) == shape.out
                                                         : edge(second, 0) == shape.batch &&
                                                               edge(second, 1) == shape.height &&
                                                               edge(second, 2) == shape.width;
  if (!fits) return fail(context, "the shapes of the two inputs do not belong together");

  const int64_t image4[] = {shape.batch, shape.height, shape.width,
                            product == Product::kOutput ? shape.out : shape.in};
  const int64_t filter4[] = {3, 3, shape.in, shape.out};
  const int64_t* dims = product == Product::kFilterGradient ? filter4 : image4;
  const size_t bytes = sizeof(float) * dims[0] * dims[1] * dims[2] * dims[3];
  const Tensor result(TF_AllocateOutput(context, 0, TF_FLOAT, dims, 4, bytes, status.get()));
  if (TF_GetCode(status.get()) != TF_OK) return TF_OpKernelContext_Failure(context, status.get());
  auto* out = static_cast<float*>(TF_TensorData(result.get()));
  try {
    if (product == Product::kOutput) haet::convolve(shape, floats(first), floats(second), out);
    if (product == Product::kInputGradient) haet::convolveInputGradient(shape, floats(first), floats(second), out);
    if (product == Product::kFilterGradient) haet::convolveFilterGradient(shape, floats(first), floats(second), out);
  } catch (const std::exception& error) {
    fail(context, error.what());
  }
}

void unknownShape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

// Throws what TensorFlow says, as an exception of JavaScript. Returns whether all is well.
bool check(napi_env env, const Status& status) {
  if (TF_GetCode(status.get()) == TF_OK) return true;
  napi_throw_error(env, nullptr, TF_Message(status.get()));
  return false;
}

template <Product product>
bool registerOp(napi_env env, const char* name, std::initializer_list<const char*> inputs, const char* output) {
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(name);
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  TF_OpDefinitionBuilderAddOutput(definition, output);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, &unknownShape);
  const Status status = newStatus();
  TF_RegisterOpDefinition(definition, status.get());
  if (!check(env, status)) return false;
  TF_RegisterKernelBuilder(name, TF_NewKernelBuilder(name, "CPU", nullptr, &compute<product>, nullptr), status.get());
  return check(env, status);
}

napi_value setThreads(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value word;
  int32_t threads = 0;
  if (napi_get_cb_info(env, info, &count, &word, nullptr, nullptr) != napi_ok || count != 1 ||
      napi_get_value_int32(env, word, &threads) != napi_ok || threads < 1) {
    napi_throw_range_error(env, nullptr, "setThreads takes a number of threads, 1 or more");
    return nullptr;
  }
  haet::setThreads(threads);
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  const bool registered =
      registerOp<Product::kOutput>(env, "HaetConvolution", {"input: float", "filter: float"}, "output: float") &&
      registerOp<Product::kInputGradient>(env, "HaetConvolutionInputGradient",
                                          {"filter: float", "output_gradient: float"}, "input_gradient: float") &&
      registerOp<Product::kFilterGradient>(env, "HaetConvolutionFilterGradient",
                                           {"input: float", "output_gradient: float"}, "filter_gradient: float");
  if (!registered) return nullptr;
  napi_value function;
  if (napi_create_function(env, "setThreads", NAPI_AUTO_LENGTH, setThreads, nullptr, &function) != napi_ok ||
      napi_set_named_property(env, exports, "setThreads", function) != napi_ok) {
    return nullptr;
  }
  return exports;
}
