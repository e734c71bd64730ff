// The addon that Node loads: registers our ops with TensorFlow and sets their number of threads.
#include <mutex>

#include "ops/op.h"
#include "runtime/threadPool.h"
#include "runtime/variant.h"

namespace {

// ABI version: names, attributes, inputs with their shapes, and outputs of the ops. Must match ../addon.ts.
constexpr int32_t kVersion = 7;

napi_value setThreads(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value word;
  int32_t threads = 0;
  if (napi_get_cb_info(env, info, &count, &word, nullptr, nullptr) != napi_ok || count != 1 ||
      napi_get_value_int32(env, word, &threads) != napi_ok || threads < 1) {
    napi_throw_range_error(env, nullptr, "setThreads takes a number of threads, 1 or more");
    return nullptr;
  }
  try {
    haet::setThreads(threads);
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  // An op is registered once per process, even if the addon is loaded several times.
  static std::once_flag registered;
  try {
    std::call_once(registered, [] {
      haet::registerBlocks();
      haet::registerUpdates();
      haet::registerAverage();
      haet::registerMirror();
    });
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
    return nullptr;
  }
  napi_value function, version, variant, lanes;
  if (napi_create_function(env, "setThreads", NAPI_AUTO_LENGTH, setThreads, nullptr, &function) != napi_ok ||
      napi_set_named_property(env, exports, "setThreads", function) != napi_ok ||
      napi_create_int32(env, kVersion, &version) != napi_ok ||
      napi_set_named_property(env, exports, "version", version) != napi_ok ||
      napi_create_string_utf8(env, haet::kVariant, NAPI_AUTO_LENGTH, &variant) != napi_ok ||
      napi_set_named_property(env, exports, "variant", variant) != napi_ok ||
      napi_create_int32(env, haet::kLanes, &lanes) != napi_ok ||
      napi_set_named_property(env, exports, "lanes", lanes) != napi_ok) {
    return nullptr;
  }
  return exports;
}
