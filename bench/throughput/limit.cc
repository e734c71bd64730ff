// Measures the limits of this machine: multiply-adds with operands from L1 in each unit that the CPU has, and memory
// traffic. Prints one JSON line: "units", each with its "unit" (a name), "precision" and "flops", per second, of all
// threads; "bytes", per second, read and written.
//
// usage: limit THREADS
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <thread>
#include <vector>

#if defined(__AVX512BF16__) || defined(__AMX_BF16__)
#include <immintrin.h>
#endif
#ifdef __AMX_BF16__
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace {

constexpr double kSeconds = 1.0;

// CPU time of the thread, seconds: the limit of a machine is what it does without other programs.
double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double since(double start) { return now() - start; }

// Returns the sum over threads of the rates that `work` returns, all at once.
double rate(int threads, const std::function<double()>& work) {
  std::vector<double> rates(threads);
  std::vector<std::thread> pool;
  for (int i = 0; i < threads; ++i) pool.emplace_back([&, i] { rates[i] = work(); });
  for (auto& thread : pool) thread.join();
  double sum = 0;
  for (double r : rates) sum += r;
  return sum;
}

#ifdef __AVX512F__
constexpr int kLanes = 16;
constexpr const char* kVector = "avx512 fma";
#elif defined(__aarch64__)
constexpr int kLanes = 4;
constexpr const char* kVector = "neon fma";
#else
constexpr int kLanes = 8;
constexpr const char* kVector = "avx2 fma";
#endif
typedef float Vector __attribute__((vector_size(kLanes * 4)));

// A matrix product's inner loop: 12 accumulators, per pass 3 vectors and 4 broadcast scalars read from L1.
double vectorFlops() {
  constexpr int kRows = 4, kColumns = 3, kDepth = 256;
  alignas(64) static thread_local float a[kDepth * kRows];
  alignas(64) static thread_local float b[kDepth * kColumns * kLanes];
  for (auto& x : a) x = 1e-3f;
  for (auto& x : b) x = 1e-3f;
  Vector c[kRows][kColumns] = {};
  const auto start = now();
  double passes = 0;
  while (since(start) < kSeconds) {
    for (int repeat = 0; repeat < 200; ++repeat) {
      asm volatile("" ::: "memory");
      for (int k = 0; k < kDepth; ++k) {
        Vector column[kColumns];
#pragma GCC unroll 3
        for (int j = 0; j < kColumns; ++j) {
          std::memcpy(&column[j], &b[(k * kColumns + j) * kLanes], sizeof(Vector));
          // Keeps it in a register: as a memory operand it would be loaded once per row.
          asm("" : "+x"(column[j]));
        }
#pragma GCC unroll 4
        for (int i = 0; i < kRows; ++i) {
          const float scalar = a[k * kRows + i];
#pragma GCC unroll 3
          for (int j = 0; j < kColumns; ++j) c[i][j] += column[j] * scalar;
        }
      }
    }
    passes += 200;
  }
  const double seconds = since(start);
  float sink = 0;
  for (auto& row : c)
    for (auto& v : row) sink += v[0];
  static std::atomic<float> keep;
  keep = sink;
  return passes * kDepth * kRows * kColumns * kLanes * 2 / seconds;
}

#ifdef __AVX512BF16__
// The same loop with pairs of bfloat16: each instruction adds two products to each of 16 float32 sums.
double pairFlops() {
  constexpr int kRows = 4, kColumns = 3, kDepth = 256, kValues = 32;
  alignas(64) static thread_local uint32_t a[kDepth * kRows];
  alignas(64) static thread_local uint16_t b[kDepth * kColumns * kValues];
  for (auto& x : a) x = 0x3a833a83;  // 1e-3, twice
  for (auto& x : b) x = 0x3a83;
  __m512 c[kRows][kColumns];
  for (auto& row : c)
    for (auto& v : row) v = _mm512_setzero_ps();
  const auto start = now();
  double passes = 0;
  while (since(start) < kSeconds) {
    for (int repeat = 0; repeat < 200; ++repeat) {
      asm volatile("" ::: "memory");
      for (int k = 0; k < kDepth; ++k) {
        __m512i column[kColumns];
#pragma GCC unroll 3
        for (int j = 0; j < kColumns; ++j) {
          column[j] = _mm512_load_si512(&b[(k * kColumns + j) * kValues]);
          asm("" : "+v"(column[j]));
        }
#pragma GCC unroll 4
        for (int i = 0; i < kRows; ++i) {
          const __m512i pair = _mm512_set1_epi32(static_cast<int>(a[k * kRows + i]));
#pragma GCC unroll 3
          for (int j = 0; j < kColumns; ++j)
            c[i][j] =
                _mm512_dpbf16_ps(c[i][j], reinterpret_cast<__m512bh>(column[j]), reinterpret_cast<__m512bh>(pair));
        }
      }
    }
    passes += 200;
  }
  const double seconds = since(start);
  float sink = 0;
  for (auto& row : c)
    for (auto& v : row) sink += _mm512_cvtss_f32(v);
  static std::atomic<float> keep;
  keep = sink;
  return passes * kDepth * kRows * kColumns * kValues * 2 / seconds;
}
#endif

#ifdef __AMX_BF16__
struct alignas(64) TileConfig {
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t columns[16] = {};
  uint8_t rows[16] = {};
};

// 2x2 tiles of accumulators, operands from L1: four products for four loads.
double amxFlops() {
  constexpr int kArchRequestPermission = 0x1023, kTileData = 18;
  if (syscall(SYS_arch_prctl, kArchRequestPermission, kTileData) != 0) return 0;
  TileConfig config;
  for (int t = 0; t < 8; ++t) config.columns[t] = 64, config.rows[t] = 16;
  _tile_loadconfig(&config);
  alignas(64) static thread_local uint8_t memory[8][1024];
  std::memset(memory, 0, sizeof memory);
  const auto start = now();
  double products = 0;
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  while (since(start) < kSeconds) {
    for (int repeat = 0; repeat < 1000; ++repeat) {
      uint8_t (*from)[1024] = memory + (repeat & 1) * 4;
      _tile_loadd(4, from[0], 64);
      _tile_loadd(5, from[1], 64);
      _tile_loadd(6, from[2], 64);
      _tile_loadd(7, from[3], 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
    products += 4000;
  }
  const double seconds = since(start);
  _tile_stored(0, memory[0], 64);
  _tile_release();
  return products * 16 * 16 * 32 * 2 / seconds;
}
#endif

// a = b * s over arrays far larger than the caches: one read, one write.
double memoryBytes() {
  constexpr size_t kCount = 16u << 20;
  std::vector<float> from(kCount, 1.0f), to(kCount, 0.0f);
  double bytes = 0;
  const auto start = now();
  while (since(start) < kSeconds) {
    for (size_t i = 0; i < kCount; ++i) to[i] = from[i] * 1.5f;
    asm volatile("" ::"r"(to.data()) : "memory");
    bytes += 2.0 * kCount * sizeof(float);
  }
  return bytes / since(start);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: limit THREADS\n"), 2;
  const int threads = std::atoi(argv[1]);
  const auto print = [](const char* unit, const char* precision, double flops) {
    std::printf("{\"unit\": \"%s\", \"precision\": \"%s\", \"flops\": %.4g}", unit, precision, flops);
  };
  std::printf("{\"units\": [");
  print(kVector, "float32", rate(threads, vectorFlops));
#ifdef __AVX512BF16__
  std::printf(", ");
  print("vdpbf16ps", "bfloat16", rate(threads, pairFlops));
#endif
#ifdef __AMX_BF16__
  std::printf(", ");
  print("amx bf16", "bfloat16", rate(threads, amxFlops));
#endif
  std::printf("], \"bytes\": %.4g}\n", rate(threads, memoryBytes));
}
