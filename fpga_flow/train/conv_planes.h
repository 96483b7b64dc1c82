// Convolution over time and its gradients in float32, for frames stored channel by channel: (frame, channel, position).
//
// All three are sums over taps. Inputs are laid out in a buffer where tap t of all positions is one run of numbers that
// starts at offset[t]; with a stride, the positions of each remainder have a run of their own. Groups (depthwise: as
// many as channels), kernels, strides and paddings are any.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "conv_f32.h"

namespace planes {

struct Shape {
  long frames, channels, outputs, groups, length, kernel, stride, padding, out_length;

  long inputs_each() const { return channels / groups; }
  long outputs_each() const { return outputs / groups; }
  long reach() const { return (kernel - 1) / stride; }  // of the last tap, in positions of one remainder
  // Positions of one remainder of a padded input. Vectors read past the end: there is room behind.
  long run() const { return std::max(out_length, (padding + length + stride - 1) / stride) + 2 * reach() + kLanes; }
};

inline void put(float* to, Vec value, long count) {
  if (count >= kLanes)
    store(to, value);
  else
    std::memcpy(to, &value, count * sizeof(float));
}

inline float total(Vec value) {
  float part[kLanes];
  store(part, value);
  for (long n = kLanes / 2; n; n /= 2)
    for (long i = 0; i < n; ++i) part[i] += part[i + n];
  return part[0];
}

// out[row][position] = sum over t of w[row][t] * from[offset[t] + position], R rows x P vectors of positions.
template <int R, int P>
inline void block(const float* from, const long* offset, long taps, const float* w, float* out, long out_run, long count) {
  Vec sum[R][P];
  for (int r = 0; r < R; ++r)
    for (int p = 0; p < P; ++p) sum[r][p] = Vec{};
  for (long t = 0; t < taps; ++t) {
    Vec value[P];
    for (int p = 0; p < P; ++p) value[p] = load(from + offset[t] + p * kLanes);
    for (int r = 0; r < R; ++r)
      for (int p = 0; p < P; ++p) sum[r][p] += value[p] * w[r * taps + t];
  }
  for (int r = 0; r < R; ++r)
    for (int p = 0; p < P; ++p)
      if (p * kLanes < count) put(out + r * out_run + p * kLanes, sum[r][p], count - p * kLanes);
}

template <int R>
inline void rows(const float* from, const long* offset, long taps, const float* w, float* out, long out_run, long count) {
  constexpr int kVectors = R == 1 ? 8 : 4;
  long at = 0;
  for (; at + (kVectors - 1) * kLanes < count; at += kVectors * kLanes)
    block<R, kVectors>(from + at, offset, taps, w, out + at, out_run, count - at);
  for (; at < count; at += kLanes) block<R, 1>(from + at, offset, taps, w, out + at, out_run, count - at);
}

inline void convolve_rows(const float* from, const long* offset, long taps, const float* w, float* out, long out_run,
                          long number, long count) {
  long row = 0;
  for (; row + 4 <= number; row += 4) rows<4>(from, offset, taps, w + row * taps, out + row * out_run, out_run, count);
  for (; row < number; ++row) rows<1>(from, offset, taps, w + row * taps, out + row * out_run, out_run, count);
}

// dw[row][t] += sum over positions of g[row][position] * from[offset[t] + position]; both are zero or finite behind
// their ends, and g is zero there.
template <int R, int T>
inline void gradient_block(const float* g, long g_run, const float* from, const long* offset, long taps, float* dw,
                           long count) {
  Vec sum[R][T];
  for (int r = 0; r < R; ++r)
    for (int t = 0; t < T; ++t) sum[r][t] = Vec{};
  for (long at = 0; at < count; at += kLanes) {
    Vec gradient[R];
    for (int r = 0; r < R; ++r) gradient[r] = load(g + r * g_run + at);
    for (int t = 0; t < T; ++t) {
      const Vec value = load(from + offset[t] + at);
      for (int r = 0; r < R; ++r) sum[r][t] += gradient[r] * value;
    }
  }
  for (int r = 0; r < R; ++r)
    for (int t = 0; t < T; ++t) dw[r * taps + t] += total(sum[r][t]);
}

template <int R>
inline void gradient_rows(const float* g, long g_run, const float* from, const long* offset, long taps, float* dw,
                          long count) {
  constexpr int kTaps = R == 1 ? 8 : 4;
  long t = 0;
  for (; t + kTaps <= taps; t += kTaps)
    gradient_block<R, kTaps>(g, g_run, from, offset + t, taps, dw + t, count);
  for (; t < taps; ++t) gradient_block<R, 1>(g, g_run, from, offset + t, taps, dw + t, count);
}

// A frame's inputs as runs: (channel, remainder, position), padded. `room` was zero before the first frame.
inline void spread(const float* x, float* room, const Shape& s) {
  const long run = s.run();
  for (long c = 0; c < s.channels; ++c) {
    const float* const from = x + c * s.length;
    if (s.stride == 1) {
      std::copy(from, from + s.length, room + c * run + s.padding);
      continue;
    }
    for (long r = 0; r < s.stride; ++r) {
      float* const to = room + (c * s.stride + r) * run;
      const long first = std::max(0L, (s.padding - r + s.stride - 1) / s.stride);
      const long end = std::max(first, (s.padding + s.length - r + s.stride - 1) / s.stride);
      for (long j = first; j < end; ++j) to[j] = from[j * s.stride + r - s.padding];
    }
  }
}

// The offsets of the taps of a group's first channel on, in the order of its weights.
inline std::vector<long> input_taps(const Shape& s) {
  std::vector<long> offset;
  for (long c = 0; c < s.inputs_each(); ++c)
    for (long k = 0; k < s.kernel; ++k) offset.push_back((c * s.stride + k % s.stride) * s.run() + k / s.stride);
  return offset;
}

inline void forward(const float* x, const float* w, float* y, const Shape& s, int threads) {
  const std::vector<long> offset = input_taps(s);
  const long taps = static_cast<long>(offset.size()), run = s.run();
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> room(s.channels * s.stride * run, 0.0f);
#pragma omp for schedule(dynamic, 4)
    for (long n = 0; n < s.frames; ++n) {
      spread(x + n * s.channels * s.length, room.data(), s);
      for (long group = 0; group < s.groups; ++group) {
        const long out = group * s.outputs_each();
        convolve_rows(room.data() + group * s.inputs_each() * s.stride * run, offset.data(), taps, w + out * taps,
                      y + (n * s.outputs + out) * s.out_length, s.out_length, s.outputs_each(), s.out_length);
      }
    }
  }
}

// What the gradient of the inputs takes: for each remainder, weights (group, channel, tap) and the taps' offsets in the
// gradients of a group's outputs.
struct Turned {
  std::vector<float> w;
  std::vector<long> offset;
};

inline std::vector<Turned> turned(const float* w, const Shape& s) {
  std::vector<Turned> found(s.stride);
  for (long r = 0; r < s.stride; ++r) {
    for (long o = 0; o < s.outputs_each(); ++o)
      for (long k = r; k < s.kernel; k += s.stride) found[r].offset.push_back(o * s.run() + s.reach() - k / s.stride);
    for (long group = 0; group < s.groups; ++group)
      for (long c = 0; c < s.inputs_each(); ++c)
        for (long o = 0; o < s.outputs_each(); ++o)
          for (long k = r; k < s.kernel; k += s.stride)
            found[r].w.push_back(w[((group * s.outputs_each() + o) * s.inputs_each() + c) * s.kernel + k]);
  }
  return found;
}

inline void input_gradient(const float* padded, const std::vector<Turned>& parts, float* dx, float* row, const Shape& s) {
  const long run = s.run(), each = s.inputs_each();
  for (long group = 0; group < s.groups; ++group) {
    const float* const from = padded + group * s.outputs_each() * run;
    float* const to = dx + group * each * s.length;
    for (long r = 0; r < s.stride; ++r) {
      const Turned& part = parts[r];
      const long taps = static_cast<long>(part.offset.size());
      const float* const w = part.w.data() + group * each * taps;
      if (s.stride == 1) {
        convolve_rows(from + s.padding, part.offset.data(), taps, w, to, s.length, each, s.length);
        continue;
      }
      const long first = std::max(0L, (s.padding - r + s.stride - 1) / s.stride);
      const long end = std::max(first, (s.padding + s.length - r + s.stride - 1) / s.stride);
      for (long c = 0; c < each; ++c) {
        convolve_rows(from + first, part.offset.data(), taps, w + c * taps, row, run, 1, end - first);
        for (long j = first; j < end; ++j) to[c * s.length + j * s.stride + r - s.padding] = row[j - first];
      }
    }
  }
}

// dw gets one copy of itself per chunk of frames behind it, which the sums of the chunk go to.
inline void backward(const float* g, const float* x, const float* w, float* dx, float* dw, long chunk, const Shape& s,
                     int threads) {
  const std::vector<long> offset = input_taps(s);
  const std::vector<Turned> parts = turned(w, s);
  const long taps = static_cast<long>(offset.size()), run = s.run(), weights = s.outputs * taps;
  const long chunks = (s.frames + chunk - 1) / chunk;
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> room(s.channels * s.stride * run, 0.0f), padded(s.outputs * run, 0.0f), row(run);
#pragma omp for schedule(dynamic, 1)
    for (long part = 0; part < chunks; ++part) {
      float* const sums = dw + (part + 1) * weights;
      std::fill(sums, sums + weights, 0.0f);
      for (long n = part * chunk; n < std::min(s.frames, (part + 1) * chunk); ++n) {
        spread(x + n * s.channels * s.length, room.data(), s);
        for (long o = 0; o < s.outputs; ++o) {
          const float* const from = g + (n * s.outputs + o) * s.out_length;
          std::copy(from, from + s.out_length, padded.data() + o * run + s.reach());
        }
        for (long group = 0; group < s.groups; ++group) {
          const float* const from = room.data() + group * s.inputs_each() * s.stride * run;
          const long end = (group + 1) * s.outputs_each();
          long o = group * s.outputs_each();
          for (; o + 4 <= end; o += 4)
            gradient_rows<4>(padded.data() + o * run + s.reach(), run, from, offset.data(), taps, sums + o * taps,
                             s.out_length);
          for (; o < end; ++o)
            gradient_rows<1>(padded.data() + o * run + s.reach(), run, from, offset.data(), taps, sums + o * taps,
                             s.out_length);
        }
        if (dx) input_gradient(padded.data(), parts, dx + n * s.channels * s.length, row.data(), s);
      }
    }
  }
  add_chunks(dw, chunks, weights);
}

}  // namespace planes
