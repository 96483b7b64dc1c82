// The layers of the fast training graph, for frames stored position by position: (frame, position, channel).
//
// Work is cut into chunks of frames of fixed size, and what chunks sum up is kept apart until the end,
// so results do not depend on the number of threads.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "conv_bf16.h"
#include "conv_f32.h"

#ifdef __AVX512BF16__
#define FPGA_FLOW_NARROW(call, wide) \
  if (codes && channels % 2 == 0) { \
    call;                          \
    return;                        \
  }                                \
  wide
#else
#define FPGA_FLOW_NARROW(call, wide) \
  (void)codes;                       \
  wide
#endif

extern "C" {

// x (frames, length, channels), w (kernel, channels, outputs) -> y, winner (frames, length/2, outputs):
// the larger of each two neighbouring sums, and which it was. length even, outputs a multiple of 16.
// codes: x and w are integers of at most 8 bits, which allows arithmetic on narrower numbers.
void conv_pool_forward_f32(const float* x, const float* w, float* y, uint8_t* winner, long frames, long length,
                           long channels, long outputs, long kernel, int codes, int threads) {
  FPGA_FLOW_NARROW(narrow::forward(x, w, y, winner, frames, length, channels, outputs, kernel, threads),
                   forward(x, w, y, winner, frames, length, channels, outputs, kernel, threads));
}

void conv_pool_forward_i8(const int8_t* x, const float* w, float* y, uint8_t* winner, long frames, long length,
                          long channels, long outputs, long kernel, int codes, int threads) {
  FPGA_FLOW_NARROW(narrow::forward(x, w, y, winner, frames, length, channels, outputs, kernel, threads),
                   forward(x, w, y, winner, frames, length, channels, outputs, kernel, threads));
}

// g is the gradient of y; flipped (kernel, outputs, channels) is w with taps reversed; dx like x; dw (chunks, like w).
void conv_pool_backward_f32(const float* g, const uint8_t* winner, const float* x, const float* flipped, float* dx,
                            float* dw, long frames, long chunk, long length, long channels, long outputs, long kernel,
                            int codes, int threads) {
  FPGA_FLOW_NARROW(
      narrow::backward(g, winner, x, flipped, dx, dw, frames, chunk, length, channels, outputs, kernel, threads),
      backward(g, winner, x, flipped, dx, dw, frames, chunk, length, channels, outputs, kernel, threads));
}

void conv_pool_backward_i8(const float* g, const uint8_t* winner, const int8_t* x, float* dw, long frames, long chunk,
                           long length, long channels, long outputs, long kernel, int codes, int threads) {
  FPGA_FLOW_NARROW(
      narrow::backward(g, winner, x, nullptr, nullptr, dw, frames, chunk, length, channels, outputs, kernel, threads),
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
