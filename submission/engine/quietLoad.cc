// Loads TensorFlow's library without oneDNN's start-up lines.
//
// On a CPU with AVX-512 the library's static initialisers write two lines to standard error that no variable of
// TensorFlow turns off. Therefore descriptor 2 points to a file in memory while the library is loaded, and all other
// lines are written to standard error afterwards, also if loading fails or an initialiser aborts the process.
//
// This addon must not be linked to TensorFlow: the loader would run those initialisers before any code here.

#include <dlfcn.h>
#include <fcntl.h>
#include <node_api.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

namespace {

/** Found through the addon's run path. */
constexpr const char* kLibrary = "libtensorflow_framework.so.2";
constexpr const char* kStartUpLines[] = {
    "oneDNN custom operations are on.",
    "All log messages before absl::InitializeLog() is called are written to STDERR",
};

int standard_error = -1;
int captured = -1;

void WriteAll(int file, const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t written = write(file, bytes, size);
    if (written <= 0) return;
    bytes += written;
    size -= written;
  }
}

/** Calls only functions that a signal handler may call. */
void HandBackAndAbort(int) {
  dup2(standard_error, 2);
  lseek(captured, 0, SEEK_SET);
  char buffer[4096];
  for (ssize_t size; (size = read(captured, buffer, sizeof buffer)) > 0;) WriteAll(2, buffer, size);
  signal(SIGABRT, SIG_DFL);
  raise(SIGABRT);
}

std::string ReadCaptured() {
  std::string text;
  lseek(captured, 0, SEEK_SET);
  char buffer[4096];
  for (ssize_t size; (size = read(captured, buffer, sizeof buffer)) > 0;) text.append(buffer, size);
  return text;
}

bool IsStartUpLine(const std::string& line) {
  for (const char* part : kStartUpLines) {
    if (line.find(part) != std::string::npos) return true;
  }
  return false;
}

std::string WithoutStartUpLines(const std::string& text) {
  std::string kept;
  for (size_t start = 0; start < text.size();) {
    const size_t newline = text.find('\n', start);
    const size_t end = newline == std::string::npos ? text.size() : newline + 1;
    const std::string line = text.substr(start, end - start);
    if (!IsStartUpLine(line)) kept += line;
    start = end;
  }
  return kept;
}

/**
 * Returns dlerror() of a failure; null if the library is loaded. With RTLD_NOW a missing symbol is a failure here, and
 * does not end the process while descriptor 2 points elsewhere.
 */
const char* Load() { return dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL) == nullptr ? dlerror() : nullptr; }

const char* LoadQuietly() {
  captured = memfd_create("haet-start-up", MFD_CLOEXEC);
  standard_error = fcntl(2, F_DUPFD_CLOEXEC, 3);
  const bool can_capture = captured >= 0 && standard_error >= 0 && dup2(captured, 2) == 2;
  struct sigaction on_abort = {};
  struct sigaction before = {};
  on_abort.sa_handler = HandBackAndAbort;
  if (can_capture) sigaction(SIGABRT, &on_abort, &before);

  const char* fault = Load();

  if (can_capture) {
    sigaction(SIGABRT, &before, nullptr);
    dup2(standard_error, 2);
    const std::string rest = WithoutStartUpLines(ReadCaptured());
    WriteAll(2, rest.data(), rest.size());
  }
  if (captured >= 0) close(captured);
  if (standard_error >= 0) close(standard_error);
  return fault;
}

}  // namespace

/** Loads the library when the addon is loaded; throws the loader's message if that fails. */
extern "C" napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  const char* fault = LoadQuietly();
  if (fault != nullptr) napi_throw_error(env, nullptr, fault);
  return exports;
}
