// Eight floats at once, in the vector types of GCC and Clang: AVX2 where it is compiled for.
#pragma once

#include <cstddef>
#include <cstring>

namespace haet {

constexpr int kLanes = 8;
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

inline Vector load(const float* from) {
  Vector vector;
  std::memcpy(&vector, from, sizeof vector);
  return vector;
}

inline void store(float* to, const Vector& vector) { std::memcpy(to, &vector, sizeof vector); }

}  // namespace haet
