// The layers of the fast training graph, for frames stored position by position: (frame, position, channel).
//
// Work is cut into chunks of frames of fixed size, and what chunks sum up is kept apart until the end,
// so results do not depend on the number of threads.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels_bf16.h"

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
      float* const sums = dw + part * weights;
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
}

#ifdef __AVX512BF16__
template <typename Input>
void forward_narrow(const Input* x, const float* w, float* y, uint8_t* winner, long frames, long length, long channels,
                    long outputs, long kernel, int threads) {
  const std::vector<uint32_t> weights = narrow::pairs_of_inputs(w, kernel, channels, outputs);
#pragma omp parallel num_threads(threads)
  {
    std::vector<uint16_t> padded((length + kernel) * channels);
#pragma omp for schedule(dynamic, 4)
    for (long n = 0; n < frames; ++n) {
      narrow::pad(x + n * length * channels, padded.data(), length, channels, kernel);
      float* const out = y + n * (length / 2) * outputs;
      uint8_t* const win = winner + n * (length / 2) * outputs;
      for_blocks(outputs, narrow::kWide, [&]<int B>(long o) {
        for_positions<B>(length, [&]<int P>(long p) {
          const long at = (p / 2) * outputs + o;
          narrow::pooled_positions<P, B>(padded.data() + p * channels, weights.data() + o, out + at, win + at, kernel,
                                         channels, outputs);
        });
      });
    }
  }
}

template <typename Input>
void backward_narrow(const float* g, const uint8_t* winner, const Input* x, const float* flipped, float* dx, float* dw,
                     long frames, long chunk, long length, long channels, long outputs, long kernel, int threads) {
  const long chunks = (frames + chunk - 1) / chunk, size = kernel * channels * outputs, half = length / 2;
  const long margin = (kernel / 2) * outputs, rows = half + kernel / 2;
  const std::vector<uint32_t> weights =
      dx ? narrow::pairs_of_inputs(flipped, kernel, outputs, channels) : std::vector<uint32_t>();
#pragma omp parallel num_threads(threads)
  {
    std::vector<uint16_t> padded((length + kernel + 2) * channels, 0), full((length + kernel) * outputs, 0);
    std::vector<uint32_t> even(rows * channels), odd(rows * channels), pairs(half * outputs);
#pragma omp for schedule(dynamic, 1)
    for (long part = 0; part < chunks; ++part) {
      float* const sums = dw + part * size;
      std::fill(sums, sums + size, 0.0f);
      for (long n = part * chunk; n < std::min(frames, (part + 1) * chunk); ++n) {
        narrow::pad(x + n * length * channels, padded.data(), length, channels, kernel);
        narrow::pairs_of_positions(padded.data(), even.data(), odd.data(), rows, channels);
        narrow::unpool(g + n * half * outputs, winner + n * half * outputs, pairs.data(), full.data() + margin, half,
                       outputs);
        for (long start = 0; start < half; start += kTile) {
          const long count = std::min(kTile, half - start);
          for (long k = 0; k < kernel; ++k) {
            const uint32_t* const inputs = (k % 2 ? odd : even).data() + (start + k / 2) * channels;
            for_blocks(outputs, narrow::kWide, [&]<int B>(long o) {
              for_rows<B>(channels, [&]<int C>(long c) {
                narrow::weight_block<C, B>(inputs + c, pairs.data() + start * outputs + o,
                                           sums + (k * channels + c) * outputs + o, count, channels, outputs);
              });
            });
          }
        }
        if (!dx) continue;
        float* const to = dx + n * length * channels;
        for_blocks(channels, narrow::kWide, [&]<int B>(long c) {
          for_positions<B>(length, [&]<int P>(long p) {
            __m512 sum[P][B];
            narrow::convolve<P, B>(full.data() + p * outputs, weights.data() + c, kernel, outputs, channels, sum);
            for (int i = 0; i < P; ++i)
              for (int b = 0; b < B; ++b) _mm512_storeu_ps(to + (p + i) * channels + c + b * narrow::kWide, sum[i][b]);
          });
        });
      }
    }
  }
}
#define FPGA_FLOW_NARROW(call, wide) \
  if (codes && channels % 2 == 0) { \
    call;                          \
    return;                        \
  }                                \
  wide
#else
#define FPGA_FLOW_NARROW(call, wide) wide
#endif

}  // namespace

extern "C" {

// x (frames, length, channels), w (kernel, channels, outputs) -> y, winner (frames, length/2, outputs):
// the larger of each two neighbouring sums, and which it was. length even, outputs a multiple of 16.
// codes: x and w are integers of at most 8 bits, which allows arithmetic on narrower numbers.
void conv_pool_forward_f32(const float* x, const float* w, float* y, uint8_t* winner, long frames, long length,
                           long channels, long outputs, long kernel, int codes, int threads) {
  FPGA_FLOW_NARROW(forward_narrow(x, w, y, winner, frames, length, channels, outputs, kernel, threads),
                   forward(x, w, y, winner, frames, length, channels, outputs, kernel, threads));
}

void conv_pool_forward_i8(const int8_t* x, const float* w, float* y, uint8_t* winner, long frames, long length,
                          long channels, long outputs, long kernel, int codes, int threads) {
  FPGA_FLOW_NARROW(forward_narrow(x, w, y, winner, frames, length, channels, outputs, kernel, threads),
                   forward(x, w, y, winner, frames, length, channels, outputs, kernel, threads));
}

// g is the gradient of y; flipped (kernel, outputs, channels) is w with taps reversed; dx like x; dw (chunks, like w).
void conv_pool_backward_f32(const float* g, const uint8_t* winner, const float* x, const float* flipped, float* dx,
                            float* dw, long frames, long chunk, long length, long channels, long outputs, long kernel,
                            int codes, int threads) {
  FPGA_FLOW_NARROW(
      backward_narrow(g, winner, x, flipped, dx, dw, frames, chunk, length, channels, outputs, kernel, threads),
      backward(g, winner, x, flipped, dx, dw, frames, chunk, length, channels, outputs, kernel, threads));
}

void conv_pool_backward_i8(const float* g, const uint8_t* winner, const int8_t* x, float* dw, long frames, long chunk,
                           long length, long channels, long outputs, long kernel, int codes, int threads) {
  FPGA_FLOW_NARROW(
      backward_narrow(g, winner, x, nullptr, nullptr, dw, frames, chunk, length, channels, outputs, kernel, threads),
      backward(g, winner, x, nullptr, nullptr, dw, frames, chunk, length, channels, outputs, kernel, threads));
}

// Per chunk of rows and channel: sum and sum of squares; sums (chunks, 2, channels).
void norm_sums(const float* x, double* sums, long rows, long chunk, long channels, int threads) {
  const long chunks = (rows + chunk - 1) / chunk;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
  for (long part = 0; part < chunks; ++part) {
    std::vector<float> one(channels, 0.0f), two(channels, 0.0f);
    for (long r = part * chunk; r < std::min(rows, (part + 1) * chunk); ++r) {
      const float* const row = x + r * channels;
      for (long c = 0; c < channels; ++c) {
        one[c] += row[c];
        two[c] += row[c] * row[c];
      }
    }
    for (long c = 0; c < channels; ++c) {
      sums[part * 2 * channels + c] = one[c];
      sums[(part * 2 + 1) * channels + c] = two[c];
    }
  }
}

// y = clamp(a*x + b, 0, top), rounded to the nearest integer (even where half-way) if `round` is set.
void norm_quant(const float* x, const float* a, const float* b, float* y, long rows, long channels, float top, int round,
                int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (long r = 0; r < rows; ++r) {
    const float* const row = x + r * channels;
    float* const to = y + r * channels;
    if (round) {
      for (long c = 0; c < channels; ++c)
        to[c] = std::min(std::max(std::rint(a[c] * row[c] + b[c]), 0.0f), top);
    } else {
      for (long c = 0; c < channels; ++c) to[c] = std::min(std::max(a[c] * row[c] + b[c], 0.0f), top);
    }
  }
}

// Straight-through gradient g of `norm_quant`: per chunk and channel the sums of g and g*x where 0 <= a*x + b <= top.
void norm_gradient_sums(const float* g, const float* x, const float* a, const float* b, double* sums, long rows,
                        long chunk, long channels, float top, int threads) {
  const long chunks = (rows + chunk - 1) / chunk;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
  for (long part = 0; part < chunks; ++part) {
    std::vector<float> one(channels, 0.0f), two(channels, 0.0f);
    for (long r = part * chunk; r < std::min(rows, (part + 1) * chunk); ++r) {
      const float *const row = x + r * channels, *const gradient = g + r * channels;
      for (long c = 0; c < channels; ++c) {
        const float z = a[c] * row[c] + b[c];
        const float passed = (z >= 0.0f) & (z <= top) ? gradient[c] : 0.0f;
        one[c] += passed;
        two[c] += passed * row[c];
      }
    }
    for (long c = 0; c < channels; ++c) {
      sums[part * 2 * channels + c] = one[c];
      sums[(part * 2 + 1) * channels + c] = two[c];
    }
  }
}

// dx = p*g (where it passes) + q*x + r, per channel.
void norm_gradient(const float* g, const float* x, const float* a, const float* b, const float* p, const float* q,
                   const float* r, float* dx, long rows, long channels, float top, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (long n = 0; n < rows; ++n) {
    const float *const row = x + n * channels, *const gradient = g + n * channels;
    float* const to = dx + n * channels;
    for (long c = 0; c < channels; ++c) {
      const float z = a[c] * row[c] + b[c];
      const float passed = (z >= 0.0f) & (z <= top) ? gradient[c] : 0.0f;
      to[c] = p[c] * passed + q[c] * row[c] + r[c];
    }
  }
}
}
