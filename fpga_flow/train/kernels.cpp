// The layers of the fast training graph, for frames stored position by position: (frame, position, channel).
//
// Work is cut into chunks of frames of fixed size, and what chunks sum up is kept apart until the end,
// so results do not depend on the number of threads.

#include <cstdint>

#include "conv_bf16.h"
#include "conv_f32.h"
#include "norm.h"

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

// g is the gradient of y; flipped (kernel, outputs, channels) is w with taps reversed; dx like x; dw like w, after one
// copy of it per chunk that the sums of each chunk go to.
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

// Per channel: sums (2, channels) of x and of its squares.
void norm_sums(const float* x, double* sums, long rows, long chunk, long channels, int threads) {
  norm::sums(rows, chunk, channels, sums, threads,
             [=](const auto& take, long at, long) { take(load(x + at), load(x + at)); });
}

// y = clamp(a*x + b, 0, top), rounded to the nearest integer (even where half-way) if `round` is set.
void norm_quant(const float* x, const float* a, const float* b, float* y, long rows, long channels, float top, int round,
                int threads) {
  norm::rows(rows, channels, threads, [=](long at, long c) {
    const Vec z = norm::clamped(load(a + c) * load(x + at) + load(b + c), top);
    store(y + at, round ? (z + norm::kRound) - norm::kRound : z);
  });
}

// Straight-through gradient g of `norm_quant`: per channel the sums (2, channels) of g and g*x where 0 <= a*x + b <= top.
void norm_gradient_sums(const float* g, const float* x, const float* a, const float* b, double* sums, long rows,
                        long chunk, long channels, float top, int threads) {
  norm::sums(rows, chunk, channels, sums, threads, [=](const auto& take, long at, long c) {
    const Vec value = load(x + at);
    take(norm::passed(load(g + at), load(a + c) * value + load(b + c), top), value);
  });
}

// dx = p*g (where it passes) + q*x + r, per channel.
void norm_gradient(const float* g, const float* x, const float* a, const float* b, const float* p, const float* q,
                   const float* r, float* dx, long rows, long channels, float top, int threads) {
  norm::rows(rows, channels, threads, [=](long at, long c) {
    const Vec value = load(x + at);
    const Vec gradient = norm::passed(load(g + at), load(a + c) * value + load(b + c), top);
    store(dx + at, load(p + c) * gradient + load(q + c) * value + load(r + c));
  });
}
}
