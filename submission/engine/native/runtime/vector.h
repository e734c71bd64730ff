// Vectors of kLanes numbers, in the vector types of GCC and Clang.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "runtime/variant.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace haet {

typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t Integers __attribute__((vector_size(kLanes * sizeof(int32_t))));

inline Vector load(const float* from) {
  Vector vector;
  std::memcpy(&vector, from, sizeof vector);
  return vector;
}

// Loads a vector that several sums use into a register: as a memory operand it would be loaded once per sum.
inline __attribute__((always_inline)) Vector loadToRegister(const float* from) {
  Vector vector = load(from);
#if defined(__AVX512F__) && HAET_LANES == 16
  asm("" : "+v"(vector));
#elif defined(__AVX2__) && HAET_LANES == 8
  asm("" : "+x"(vector));
#elif defined(__aarch64__) && HAET_LANES == 4
  asm("" : "+w"(vector));
#endif
  return vector;
}

// Prefetches a cache line. Not with the compiler's builtin: GCC treats a function that only prefetches as pure and
// removes its calls.
inline void prefetch(const void* line) {
#if defined(__x86_64__)
  asm volatile("prefetcht0 %0" : : "m"(*static_cast<const char*>(line)));
#elif defined(__aarch64__)
  asm volatile("prfm pldl1keep, %0" : : "Q"(*static_cast<const char*>(line)));
#else
  (void)line;
#endif
}

inline void store(float* to, const Vector& vector) { std::memcpy(to, &vector, sizeof vector); }

// Transposes in place: exchanges pairs, then fours, then eights, and so on.
inline void transpose(Vector (&rows)[kLanes]) {
#if defined(__AVX512F__) && HAET_LANES == 16
  Vector pairs[kLanes], fours[kLanes], eights[kLanes];
  for (int row = 0; row < kLanes; row += 2) {
    pairs[row] = _mm512_unpacklo_ps(rows[row], rows[row + 1]);
    pairs[row + 1] = _mm512_unpackhi_ps(rows[row], rows[row + 1]);
  }
  for (int row = 0; row < kLanes; row += 4) {
    for (int pair = 0; pair < 2; ++pair) {
      fours[row + 2 * pair] = _mm512_shuffle_ps(pairs[row + pair], pairs[row + pair + 2], 0x44);
      fours[row + 2 * pair + 1] = _mm512_shuffle_ps(pairs[row + pair], pairs[row + pair + 2], 0xee);
    }
  }
  // fours[row + i] has columns i, i + 4, i + 8, i + 12 of four rows, one in each quarter.
  for (int row = 0; row < kLanes; row += 8) {
    for (int quarter = 0; quarter < 4; ++quarter) {
      eights[row + quarter] = _mm512_shuffle_f32x4(fours[row + quarter], fours[row + quarter + 4], 0x88);
      eights[row + quarter + 4] = _mm512_shuffle_f32x4(fours[row + quarter], fours[row + quarter + 4], 0xdd);
    }
  }
  for (int row = 0; row < kLanes / 2; ++row) {
    rows[row] = _mm512_shuffle_f32x4(eights[row], eights[row + 8], 0x88);
    rows[row + kLanes / 2] = _mm512_shuffle_f32x4(eights[row], eights[row + 8], 0xdd);
  }
#elif defined(__AVX2__) && HAET_LANES == 8
  Vector pairs[kLanes];
  for (int row = 0; row < kLanes; row += 2) {
    pairs[row] = _mm256_unpacklo_ps(rows[row], rows[row + 1]);
    pairs[row + 1] = _mm256_unpackhi_ps(rows[row], rows[row + 1]);
  }
  Vector fours[kLanes];
  for (int row = 0; row < kLanes; row += 4) {
    for (int pair = 0; pair < 2; ++pair) {
      fours[row + 2 * pair] = _mm256_shuffle_ps(pairs[row + pair], pairs[row + pair + 2], 0x44);
      fours[row + 2 * pair + 1] = _mm256_shuffle_ps(pairs[row + pair], pairs[row + pair + 2], 0xee);
    }
  }
  for (int row = 0; row < kLanes / 2; ++row) {
    rows[row] = _mm256_permute2f128_ps(fours[row], fours[row + 4], 0x20);
    rows[row + kLanes / 2] = _mm256_permute2f128_ps(fours[row], fours[row + 4], 0x31);
  }
#elif defined(__aarch64__) && HAET_LANES == 4
  const Vector evenLow = vzip1q_f32(rows[0], rows[2]), evenHigh = vzip2q_f32(rows[0], rows[2]);
  const Vector oddLow = vzip1q_f32(rows[1], rows[3]), oddHigh = vzip2q_f32(rows[1], rows[3]);
  rows[0] = vzip1q_f32(evenLow, oddLow);
  rows[1] = vzip2q_f32(evenLow, oddLow);
  rows[2] = vzip1q_f32(evenHigh, oddHigh);
  rows[3] = vzip2q_f32(evenHigh, oddHigh);
#else
  Vector columns[kLanes];
  for (int row = 0; row < kLanes; ++row) {
    for (int lane = 0; lane < kLanes; ++lane) columns[lane][row] = rows[row][lane];
  }
  std::memcpy(rows, columns, sizeof columns);
#endif
}

// Calls body(first, size) for groups of `count` items, with a size known at compile time. Groups have `most` items if
// possible, and avoid a single item, which would leave the multiply-add units idle.
template <int most, typename Body>
inline void inGroupsOf(int count, const Body& body) {
  static_assert(most == 3 || most == 4, "other sizes would leave groups of one");
  int first = 0;
  while (count - first >= most && count - first != most + 1) {
    body(first, std::integral_constant<int, most>{});
    first += most;
  }
  if (most > 3 && count - first >= 3) body(first, std::integral_constant<int, 3>{}), first += 3;
  while (count - first >= 2) body(first, std::integral_constant<int, 2>{}), first += 2;
  if (count > first) body(first, std::integral_constant<int, 1>{});
}

typedef uint8_t Bytes __attribute__((vector_size(kLanes)));

inline Integers loadBytes(const uint8_t* from) {
#if defined(__AVX2__) && HAET_LANES == 8 && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // One instruction; GCC uses four to convert a vector. Sanitizers cannot check it.
  Integers integers;
  asm("vpmovzxbd %1, %0" : "=x"(integers) : "m"(*reinterpret_cast<const Bytes*>(from)));
  return integers;
#elif defined(__aarch64__) && HAET_LANES == 4
  uint32_t bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(bytes)))));
#else
  Bytes bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  return __builtin_convertvector(bytes, Integers);
#endif
}

inline void storeBytes(uint8_t* to, const Integers& integers) {
#if defined(__aarch64__) && HAET_LANES == 4
  const uint16x4_t halves = vmovn_u32(vreinterpretq_u32_s32(integers));
  const uint32_t bytes = vget_lane_u32(vreinterpret_u32_u8(vmovn_u16(vcombine_u16(halves, halves))), 0);
#else
  const Bytes bytes = __builtin_convertvector(integers, Bytes);
#endif
  std::memcpy(to, &bytes, sizeof bytes);
}

// Returns e^x for x <= 0, with a relative error of about 1e-7: 2^n times a polynomial of the remainder (Cody and
// Waite's reduction, and the Taylor series up to the seventh power on [-ln 2 / 2, ln 2 / 2]).
inline Vector exponential(Vector x) {
  constexpr float kLeast = -87, kLog2OfE = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  constexpr float kRound = 12582912;       // 1.5 * 2^23: adding and subtracting it rounds to an integer
  x = x < kLeast ? Vector{} + kLeast : x;  // NaN propagates
  const Vector whole = (x * kLog2OfE + kRound) - kRound;
  const Vector rest = (x - whole * kLn2High) - whole * kLn2Low;
  Vector sum = rest * (1.0f / 5040) + 1.0f / 720;
  sum = sum * rest + 1.0f / 120;
  sum = sum * rest + 1.0f / 24;
  sum = sum * rest + 1.0f / 6;
  sum = sum * rest + 0.5f;
  sum = sum * rest + 1.0f;
  sum = sum * rest + 1.0f;
  const Integers bits = (__builtin_convertvector(whole, Integers) + 127) << 23;
  Vector power;
  std::memcpy(&power, &bits, sizeof power);
  return sum * power;
}

inline Vector elu(const Vector& x) {
  const Vector negative = exponential(x > 0 ? Vector{} : x) - 1;
  return x > 0 ? x : negative;
}

// Returns the slope of elu where it is `output`: 1 above zero, and e^x = elu(x) + 1 below. NaN propagates.
inline Vector eluSlope(const Vector& output) { return (output > 0 ? Vector{} : output) + 1; }

}  // namespace haet
