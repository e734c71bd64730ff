// Measures the limits of this machine: multiply-adds with operands from L1 in the number type of training, and memory
// traffic. Prints one JSON line: "flops", per second, of all threads; "bytes", per second, read and written; "unit", a
// name.
//
// usage: limit THREADS float32|bfloat16
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#ifdef __AMX_BF16__
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace {

using Clock = std::chrono::steady_clock;
constexpr double kSeconds = 1.0;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

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
  const auto start = Clock::now();
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
  const auto start = Clock::now();
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
  const auto start = Clock::now();
  while (since(start) < kSeconds) {
    for (size_t i = 0; i < kCount; ++i) to[i] = from[i] * 1.5f;
    asm volatile("" ::"r"(to.data()) : "memory");
    bytes += 2.0 * kCount * sizeof(float);
  }
  return bytes / since(start);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: limit THREADS float32|bfloat16\n"), 2;
  const int threads = std::atoi(argv[1]);
  double flops = rate(threads, vectorFlops);
  const char* unit = kVector;
#ifdef __AMX_BF16__
  if (std::strcmp(argv[2], "bfloat16") == 0) {
    const double tiles = rate(threads, amxFlops);
    if (tiles > flops) flops = tiles, unit = "amx bf16";
  }
#endif
  std::printf("{\"flops\": %.4g, \"bytes\": %.4g, \"unit\": \"%s\"}\n", flops, rate(threads, memoryBytes), unit);
}
