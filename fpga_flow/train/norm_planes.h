// Batch norm and quantised ReLU for frames stored channel by channel: (frame, channel, position).
#pragma once

#include <algorithm>
#include <vector>

#include "conv_planes.h"
#include "norm.h"

namespace planes {

// How a quantiser maps a*x + b to a level: clamp(round((a*x + b) / step), 0, top) * step, or the ReLU alone.
struct Levels {
  float step, top;
  int round;
};

inline Vec code(Vec ratio, const Levels& levels) {
  if (!levels.round) return ratio > 0.0f ? ratio : Vec{};
  const Vec held = norm::clamped(ratio, levels.top + 1);
  const Vec rounded = (held + norm::kRound) - norm::kRound;
  return rounded < levels.top ? rounded : Vec{} + levels.top;
}

// What of a gradient passes straight through, and what it makes of a change of the step.
struct Passed {
  Vec gradient, of_step;
};

inline Passed passed(Vec g, Vec ratio, const Levels& levels) {
  const auto above = ratio > 0.0f;
  if (!levels.round) return {above ? g : Vec{}, Vec{}};
  const Vec held = norm::clamped(ratio, levels.top + 1);
  const Vec rounded = (held + norm::kRound) - norm::kRound;
  const auto inside = above & (rounded <= levels.top);
  const Vec slope = inside ? rounded - ratio : Vec{} + levels.top;
  return {inside ? g : Vec{}, above ? g * slope : Vec{}};
}

// Calls `body(values, count, offset)` for every vector of the plane at `at`; behind `count` values are zeros.
template <typename Body>
inline void vectors(const float* x, long at, long positions, Body body) {
  long p = 0;
  for (; p + kLanes <= positions; p += kLanes) body(load(x + at + p), kLanes, at + p);
  if (p < positions) {
    Vec rest = {};
    std::memcpy(&rest, x + at + p, (positions - p) * sizeof(float));
    body(rest, positions - p, at + p);
  }
}

// The first `count` values, zeros behind.
inline Vec first(Vec value, long count) {
  for (long i = count; i < kLanes; ++i) value[i] = 0.0f;
  return value;
}

inline Vec part(const float* from, long count) {
  if (count >= kLanes) return load(from);
  Vec value = {};
  std::memcpy(&value, from, count * sizeof(float));
  return value;
}

// Per channel N sums in double, in the order of the frames whatever the number of threads: `body(channel, offset, sums)`
// adds a plane's, which it sums up in float32.
template <int N, typename Body>
inline void plane_sums(long frames, long channels, long positions, long chunk, double* totals, int threads, Body body) {
  const long chunks = (frames + chunk - 1) / chunk;
  std::vector<double> parts(chunks * N * channels, 0.0);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
  for (long part = 0; part < chunks; ++part)
    for (long n = part * chunk; n < std::min(frames, (part + 1) * chunk); ++n)
      for (long c = 0; c < channels; ++c) {
        Vec sum[N] = {};
        body(c, (n * channels + c) * positions, sum);
        for (int i = 0; i < N; ++i) parts[(part * N + i) * channels + c] += total(sum[i]);
      }
  std::fill(totals, totals + N * channels, 0.0);
  for (long part = 0; part < chunks; ++part)
    for (long i = 0; i < N * channels; ++i) totals[i] += parts[part * N * channels + i];
}

// Calls `body(channel, offset)` for every plane.
template <typename Body>
inline void each_plane(long frames, long channels, long positions, int threads, Body body) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (long n = 0; n < frames; ++n)
    for (long c = 0; c < channels; ++c) body(c, (n * channels + c) * positions);
}

}  // namespace planes
