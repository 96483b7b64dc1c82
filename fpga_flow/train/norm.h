// Loops over rows of channels for batch norm and the quantised ReLU. channels is a multiple of 8.
#pragma once

#include <algorithm>
#include <vector>

#include "conv_f32.h"

namespace norm {

constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it leaves float32 no bits for a fraction

inline Vec clamped(Vec z, float top) {
  z = z > 0.0f ? z : Vec{};
  return z < top ? z : Vec{} + top;
}

inline Vec passed(Vec g, Vec z, float top) { return ((z >= 0.0f) & (z <= top)) ? g : Vec{}; }

// Calls `body(offset, channel)` for every vector of every row.
template <typename Body>
void rows(long rows, long channels, int threads, Body body) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (long r = 0; r < rows; ++r)
    for (long c = 0; c < channels; c += kLanes) body(r * channels + c, c);
}

// Adds up, per channel, what `body(take, offset, channel)` takes: take(u, v) adds u to the first sum and u*v to the
// second. Rows of one chunk are added in float32, chunks in double and in order.
template <typename Body>
void sums(long rows, long chunk, long channels, double* total, int threads, Body body) {
  const long chunks = (rows + chunk - 1) / chunk;
  std::vector<float> parts(chunks * 2 * channels);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
  for (long part = 0; part < chunks; ++part) {
    float* const to = parts.data() + part * 2 * channels;
    const long end = std::min(rows, (part + 1) * chunk);
    for_blocks(channels, kLanes, [&]<int B>(long c) {
      Vec one[B] = {}, two[B] = {};
      for (long r = part * chunk; r < end; ++r) {
        for (int b = 0; b < B; ++b) {
          const auto take = [&](Vec u, Vec v) {
            one[b] += u;
            two[b] += u * v;
          };
          body(take, r * channels + c + b * kLanes, c + b * kLanes);
        }
      }
      for (int b = 0; b < B; ++b) {
        store(to + c + b * kLanes, one[b]);
        store(to + channels + c + b * kLanes, two[b]);
      }
    });
  }
  std::fill(total, total + 2 * channels, 0.0);
  for (long part = 0; part < chunks; ++part)
    for (long i = 0; i < 2 * channels; ++i) total[i] += parts[part * 2 * channels + i];
}

}  // namespace norm
