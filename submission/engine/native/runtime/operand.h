// Operands of the matrix products (product.cc): float32, or with HAET_BFLOAT16 bfloat16, the upper half of a float32
// with 8 significant bits. CPUs with instructions for it multiply bfloat16 at twice the rate; the sums are float32.
//
// These instructions add two products to every sum. A matrix has the operands of both next to each other: its rows are
// interleaved in groups of kInterleaved, which is 1 for float32. Products of float32 exist in every variant.
#pragma once

#include "runtime/vector.h"

namespace haet {

template <typename Number>
constexpr int kInterleavedOf = sizeof(float) / sizeof(Number);

inline Vector addProducts(const Vector& sum, const Vector& right, const float* left) { return sum + right * *left; }

#if HAET_BFLOAT16

typedef uint16_t Operand;

inline float floatOf(Operand operand) {
  const uint32_t bits = static_cast<uint32_t>(operand) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

#if defined(__AVX512BF16__) && HAET_LANES == 16

// Rounds to the nearest, and ties to even, as the functions below do.
inline void store(Operand* to, const Vector& values) {
  const __m256bh rounded = _mm512_cvtneps_pbh(values);
  std::memcpy(to, &rounded, sizeof rounded);
}

// Stores two rows interleaved.
inline void storeInterleaved(Operand* to, const Vector& first, const Vector& second) {
  alignas(64) static constexpr uint16_t order[] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                   8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512i rounded = (__m512i)_mm512_cvtne2ps_pbh(second, first);
  _mm512_storeu_si512(to, _mm512_permutexvar_epi16(_mm512_load_si512(order), rounded));
}

// Returns sum + right[lane][0] * left[0] + right[lane][1] * left[1] for every lane. `right`: the bits of kInterleaved
// operands per lane.
inline Vector addProducts(const Vector& sum, const Vector& right, const Operand* left) {
  int32_t both;
  std::memcpy(&both, left, sizeof both);
  return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(both), (__m512bh)right);
}

#else  // for tests on a CPU without the instructions

typedef uint32_t Words __attribute__((vector_size(kLanes * sizeof(uint32_t))));

// Returns the values rounded to bfloat16, in the upper half of each word.
inline Words rounded(const Vector& values) {
  Words bits;
  std::memcpy(&bits, &values, sizeof bits);
  const Words nearest = bits + 0x7fff + ((bits >> 16) & 1), quiet = bits | 0x400000;
  const Words isNumber = (Words)(values == values);
  return (isNumber & nearest) | (~isNumber & quiet);
}

inline void store(Operand* to, const Vector& values) {
  const Words bits = rounded(values);
  for (int lane = 0; lane < kLanes; ++lane) to[lane] = static_cast<Operand>(bits[lane] >> 16);
}

inline void storeInterleaved(Operand* to, const Vector& first, const Vector& second) {
  const Words both = (rounded(first) >> 16) | (rounded(second) & 0xffff0000u);
  std::memcpy(to, &both, sizeof both);
}

inline Vector addProducts(const Vector& sum, const Vector& right, const Operand* left) {
  Words bits;
  std::memcpy(&bits, &right, sizeof bits);
  const Words upper = bits & 0xffff0000u, lower = bits << 16;
  Vector second, first;
  std::memcpy(&second, &upper, sizeof second);
  std::memcpy(&first, &lower, sizeof first);
  return (sum + second * floatOf(left[1])) + first * floatOf(left[0]);
}

#endif

#else

typedef float Operand;

#endif

constexpr int kInterleaved = kInterleavedOf<Operand>;

// Loads as many operands per lane into a register as are interleaved.
template <typename Number>
inline __attribute__((always_inline)) Vector loadOperands(const Number* from) {
  return loadToRegister(reinterpret_cast<const float*>(from));
}

}  // namespace haet
