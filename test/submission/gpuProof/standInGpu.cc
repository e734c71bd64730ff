// Preloaded into the check of the GPU: TensorFlow's CPU is reported as a GPU, and STAND_IN_GPU says how it fails.
// Processes from which GPUs are hidden are left alone.
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <limits>
#include <string>

#include "tensorflow/c/eager/c_api.h"

namespace {

std::string Way() {
  const char* hidden = getenv("CUDA_VISIBLE_DEVICES");
  const char* way = getenv("STAND_IN_GPU");
  return way == nullptr || (hidden != nullptr && strcmp(hidden, "-1") == 0) ? "" : way;
}

/** The library is not in the global scope, so RTLD_NEXT does not find it. */
template <typename Function>
Function* Real(const char* name) {
  static void* const library = dlopen("libtensorflow_cc.so.2", RTLD_NOW | RTLD_NOLOAD);
  return reinterpret_cast<Function*>(dlsym(library, name));
}
#define REAL(name) Real<decltype(name)>(#name)

bool is_convolution = false;

}  // namespace

extern "C" {

const char* TF_DeviceListType(const TF_DeviceList* list, int index, TF_Status* status) {
  const bool has_gpu = !Way().empty() && Way() != "no GPU";
  return has_gpu ? "GPU" : REAL(TF_DeviceListType)(list, index, status);
}

TFE_Op* TFE_NewOp(TFE_Context* context, const char* name, TF_Status* status) {
  is_convolution = strncmp(name, "Conv2D", 6) == 0;
  return REAL(TFE_NewOp)(context, name, status);
}

void TFE_Execute(TFE_Op* op, TFE_TensorHandle** outputs, int* count, TF_Status* status) {
  const std::string way = is_convolution ? Way() : "";
  if (way == "crashes") raise(SIGSEGV);
  if (way == "hangs") pause();
  if (way == "has no memory") {
    REAL(TF_SetStatus)(status, TF_RESOURCE_EXHAUSTED, "OOM when allocating tensor with shape[16,32,32,16] on GPU:0");
  } else if (way == "has no kernel") {
    REAL(TF_SetStatus)(status, TF_INTERNAL, "no kernel image is available for execution on the device");
  } else {
    REAL(TFE_Execute)(op, outputs, count, status);
  }
}

TF_Tensor* TFE_TensorHandleResolve(TFE_TensorHandle* handle, TF_Status* status) {
  TF_Tensor* tensor = REAL(TFE_TensorHandleResolve)(handle, status);
  const std::string way = Way();
  if (tensor == nullptr || REAL(TF_TensorType)(tensor) != TF_FLOAT) return tensor;
  float* values = static_cast<float*>(REAL(TF_TensorData)(tensor));
  const size_t count = REAL(TF_TensorByteSize)(tensor) / sizeof(float);
  if (way == "gives NaN") values[count - 1] = std::numeric_limits<float>::quiet_NaN();
  // Half of the values are missing, as when a kernel did not run.
  if (way == "gives wrong numbers") memset(values, 0, count / 2 * sizeof(float));
  return tensor;
}
}
