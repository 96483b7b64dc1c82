// Convolution with max-pool by 2 and its gradients in float32, on vectors as wide as the processor's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace {

#ifdef __AVX512F__
constexpr long kLanes = 16;
#else
constexpr long kLanes = 8;
#endif
typedef float Vec __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

constexpr long kTile = 128;  // positions whose inputs and gradients stay in the first-level cache

inline Vec load(const float* p) { return *reinterpret_cast<const Vec*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<Vec*>(p) = v; }

// Sums of P positions x B blocks of output channels, starting at `x` (the first tap of position 0).
template <int P, int B>
inline void convolve(const float* x, const float* w, long kernel, long channels, long outputs, Vec (&sum)[P][B]) {
  for (int p = 0; p < P; ++p)
    for (int b = 0; b < B; ++b) sum[p][b] = Vec{};
  for (long k = 0; k < kernel; ++k) {
    for (long c = 0; c < channels; ++c) {
      Vec weight[B];
      for (int b = 0; b < B; ++b) weight[b] = load(w + (k * channels + c) * outputs + b * kLanes);
      for (int p = 0; p < P; ++p) {
        const float value = x[(p + k) * channels + c];
        for (int b = 0; b < B; ++b) sum[p][b] += weight[b] * value;
      }
    }
  }
}

// Calls `body` with B, the number of blocks of `lanes` outputs it is to do at a time, and the first output.
template <typename Body>
inline void for_blocks(long outputs, long lanes, Body body) {
  long o = 0;
  for (; o + 2 * lanes <= outputs; o += 2 * lanes) body.template operator()<2>(o);
  if (o < outputs) body.template operator()<1>(o);
}

// Calls `body` with P, the number of positions it is to do at a time (P x B sums fit the registers), and the first.
template <int B, typename Body>
inline void for_positions(long length, Body body) {
  constexpr long kPositions = 16 / B;
  long p = 0;
  for (; p + kPositions <= length; p += kPositions) body.template operator()<kPositions>(p);
  for (; p < length; p += 2) body.template operator()<2>(p);
}

// The same for rows of a weight gradient.
template <int B, typename Body>
inline void for_rows(long channels, Body body) {
  constexpr long kRows = 16 / B;
  long c = 0;
  for (; c + kRows <= channels; c += kRows) body.template operator()<kRows>(c);
  for (; c < channels; ++c) body.template operator()<1>(c);
}

// `to` gets `from` with kernel/2 empty positions on both sides.
template <typename Input>
void pad(const Input* from, float* to, long length, long channels, long kernel) {
  const long margin = (kernel / 2) * channels, size = length * channels;
  std::fill(to, to + margin, 0.0f);
  for (long i = 0; i < size; ++i) to[margin + i] = static_cast<float>(from[i]);
  std::fill(to + margin + size, to + 2 * margin + size, 0.0f);
}

template <int P, int B>
inline void pooled_positions(const float* x, const float* w, float* y, uint8_t* winner, long kernel, long channels,
                             long outputs) {
  Vec sum[P][B];
  convolve<P, B>(x, w, kernel, channels, outputs, sum);
  for (int p = 0; p < P; p += 2) {
    for (int b = 0; b < B; ++b) {
      const long at = (p / 2) * outputs + b * kLanes;
      const auto second = sum[p + 1][b] > sum[p][b];
      store(y + at, second ? sum[p + 1][b] : sum[p][b]);
      for (long i = 0; i < kLanes; ++i) winner[at + i] = second[i] != 0;
    }
  }
}

template <typename Input>
void forward(const Input* x, const float* w, float* y, uint8_t* winner, long frames, long length, long channels,
             long outputs, long kernel, int threads) {
#pragma omp parallel num_threads(threads)
  {
    std::vector<float> padded((length + kernel) * channels);
#pragma omp for schedule(dynamic, 4)
    for (long n = 0; n < frames; ++n) {
      pad(x + n * length * channels, padded.data(), length, channels, kernel);
      float* const out = y + n * (length / 2) * outputs;
      uint8_t* const win = winner + n * (length / 2) * outputs;
      for_blocks(outputs, kLanes, [&]<int B>(long o) {
        for_positions<B>(length, [&]<int P>(long p) {
          const long at = (p / 2) * outputs + o;
          pooled_positions<P, B>(padded.data() + p * channels, w + o, out + at, win + at, kernel, channels, outputs);
        });
      });
    }
  }
}

// dw[k][c][o] += sum over positions of x[position + k][c] * g[position][o]
template <int C, int B>
void weight_block(const float* x, const float* g, float* dw, long length, long channels, long outputs) {
  Vec sum[C][B];
  for (int c = 0; c < C; ++c)
    for (int b = 0; b < B; ++b) sum[c][b] = load(dw + c * outputs + b * kLanes);
  for (long p = 0; p < length; ++p) {
    Vec gradient[B];
    for (int b = 0; b < B; ++b) gradient[b] = load(g + p * outputs + b * kLanes);
    for (int c = 0; c < C; ++c) {
      const float value = x[p * channels + c];
      for (int b = 0; b < B; ++b) sum[c][b] += gradient[b] * value;
    }
  }
  for (int c = 0; c < C; ++c)
    for (int b = 0; b < B; ++b) store(dw + c * outputs + b * kLanes, sum[c][b]);
}

void weight_gradient(const float* x, const float* g, float* dw, long length, long channels, long outputs, long kernel) {
  for (long start = 0; start < length; start += kTile) {
    const long count = std::min(kTile, length - start);
    for (long k = 0; k < kernel; ++k) {
      const float* const inputs = x + (start + k) * channels;
      for_blocks(outputs, kLanes, [&]<int B>(long o) {
        for_rows<B>(channels, [&]<int C>(long c) {
          weight_block<C, B>(inputs + c, g + start * outputs + o, dw + (k * channels + c) * outputs + o, count, channels,
                             outputs);
        });
      });
    }
  }
}

void input_gradient(const float* g, const float* flipped, float* dx, long length, long channels, long outputs,
                    long kernel) {
  for_blocks(channels, kLanes, [&]<int B>(long c) {
    for_positions<B>(length, [&]<int P>(long p) {
      Vec sum[P][B];
      convolve<P, B>(g + p * outputs, flipped + c, kernel, outputs, channels, sum);
      for (int i = 0; i < P; ++i)
        for (int b = 0; b < B; ++b) store(dx + (p + i) * channels + c + b * kLanes, sum[i][b]);
    });
  });
}

// Gives the gradient of each maximum to the position that won, zero to its neighbour.
void unpool(const float* __restrict g, const uint8_t* __restrict winner, float* __restrict full, long length,
            long outputs) {
  for (long p = 0; p < length; ++p) {
    for (long o = 0; o < outputs; o += kLanes) {
      for (long i = 0; i < kLanes; ++i) {
        const float second = winner[p * outputs + o + i] ? g[p * outputs + o + i] : 0.0f;
        full[(2 * p + 1) * outputs + o + i] = second;
        full[2 * p * outputs + o + i] = g[p * outputs + o + i] - second;
      }
    }
  }
}

// The sums of the chunks, which stand behind `dw`, into `dw`, in order.
inline void add_chunks(float* dw, long chunks, long weights) {
  std::fill(dw, dw + weights, 0.0f);
  for (long part = 1; part <= chunks; ++part)
    for (long i = 0; i < weights; ++i) dw[i] += dw[part * weights + i];
}

template <typename Input>
void backward(const float* g, const uint8_t* winner, const Input* x, const float* flipped, float* dx, float* dw,
              long frames, long chunk, long length, long channels, long outputs, long kernel, int threads) {
  const long chunks = (frames + chunk - 1) / chunk, weights = kernel * channels * outputs;
#pragma omp parallel num_threads(threads)
  {
    const long margin = (kernel / 2) * outputs;
    std::vector<float> padded((length + kernel) * channels), full((length + kernel) * outputs, 0.0f);
#pragma omp for schedule(dynamic, 1)
    for (long part = 0; part < chunks; ++part) {
      float* const sums = dw + (part + 1) * weights;
      std::fill(sums, sums + weights, 0.0f);
      for (long n = part * chunk; n < std::min(frames, (part + 1) * chunk); ++n) {
        pad(x + n * length * channels, padded.data(), length, channels, kernel);
        unpool(g + n * (length / 2) * outputs, winner + n * (length / 2) * outputs, full.data() + margin, length / 2,
               outputs);
        weight_gradient(padded.data(), full.data() + margin, sums, length, channels, outputs, kernel);
        if (dx) input_gradient(full.data(), flipped, dx + n * length * channels, length, channels, outputs, kernel);
      }
    }
  }
  add_chunks(dw, chunks, weights);
}

}  // namespace
