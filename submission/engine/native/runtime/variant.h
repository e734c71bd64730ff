// What differs between the instruction sets that these sources are compiled for, one addon each (compile.json): the
// width of a vector, and sizes that follow from the number of registers. HAET_LANES chooses; the compiler can lower
// wide vectors to narrow ones, so every variant runs on every CPU if it is compiled for it.
#pragma once

namespace haet {

constexpr int kLineFloats = 16;  // in a line of the cache

#if HAET_LANES == 16
// AVX-512: 32 registers of 16 numbers.
constexpr int kLanes = 16;
constexpr int kRegisters = 32;
// Eight rows of three panels are 24 accumulators.
constexpr int kRowGroup = 8;
#elif HAET_LANES == 8
// AVX2: 16 registers of 8 numbers.
constexpr int kLanes = 8;
constexpr int kRegisters = 16;
// Four rows of three panels are 12 accumulators: enough to keep two multiply-add units with a latency of four cycles
// busy, and few enough for 16 registers.
constexpr int kRowGroup = 4;
#elif HAET_LANES == 4
// NEON: 32 registers of 4 numbers. Vectors of 8 would be two registers each, but GCC splits them in every operation and
// keeps what lives longer, such as accumulators, in memory. compile.json turns off GCC's first scheduling pass, which
// loads ahead on arm64 until the registers run out.
constexpr int kLanes = 4;
constexpr int kRegisters = 32;
// Eight rows of three panels are 24 accumulators: enough for four multiply-add units with a latency of four cycles.
constexpr int kRowGroup = 8;
#else
#error "HAET_LANES must be 4, 8 or 16"
#endif

}  // namespace haet
