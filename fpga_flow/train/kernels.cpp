// The layers of the fast training graph, for frames stored position by position: (frame, position, channel).
//
// Work is cut into chunks of frames of fixed size, and what chunks sum up is kept apart until the end,
// so results do not depend on the number of threads.

#include <cstdint>

#include "conv_bf16.h"
#include "conv_f32.h"
#include "conv_planes.h"
#include "norm.h"
#include "norm_planes.h"

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

// What follows is for frames stored channel by channel: (frame, channel, position).

// x (frames, channels, length), w (outputs, channels / groups, kernel) -> y (frames, outputs, out_length).
void planes_conv_forward(const float* x, const float* w, float* y, long frames, long channels, long outputs, long groups,
                         long length, long kernel, long stride, long padding, long out_length, int threads) {
  planes::forward(x, w, y, {frames, channels, outputs, groups, length, kernel, stride, padding, out_length}, threads);
}

// g is the gradient of y; dx like x or null; dw like w, after one copy of it per chunk of frames.
void planes_conv_backward(const float* g, const float* x, const float* w, float* dx, float* dw, long chunk, long frames,
                          long channels, long outputs, long groups, long length, long kernel, long stride, long padding,
                          long out_length, int threads) {
  planes::backward(g, x, w, dx, dw, chunk,
                   {frames, channels, outputs, groups, length, kernel, stride, padding, out_length}, threads);
}

// Per channel: sums (2, channels) of x - shift and of its squares. The shift, any value near the mean, keeps them exact.
void planes_sums(const float* x, const float* shift, double* sums, long frames, long channels, long positions, long chunk, int threads) {
  planes::plane_sums<2>(frames, channels, positions, chunk, sums, threads, [=](long c, long at, Vec* sum) {
    const float zero = shift[c];
    planes::vectors(x, at, positions, [=](Vec value, long count, long) {
      const Vec shifted = planes::first(value - zero, count);
      sum[0] += shifted;
      sum[1] += shifted * shifted;
    });
  });
}

// y = clamp(round((a*x + b) / step), 0, top) * step; without `round` only the ReLU.
void planes_norm_quant(const float* x, const float* a, const float* b, float* y, long frames, long channels,
                       long positions, float step, float top, int round, int threads) {
  const planes::Levels levels{step, top, round};
  planes::each_plane(frames, channels, positions, threads, [=](long c, long at) {
    const float slope = a[c], offset = b[c];
    planes::vectors(x, at, positions, [=](Vec value, long count, long to) {
      planes::put(y + to, planes::code((value * slope + offset) / step, levels) * step, count);
    });
  });
}

// Straight-through gradient g of `planes_norm_quant`: per channel the sums (3, channels) of g and g*(x - shift)
// where it passes, and of what g makes of a change of the step.
void planes_norm_gradient_sums(const float* g, const float* x, const float* shift, const float* a, const float* b, double* sums, long frames,
                               long channels, long positions, long chunk, float step, float top, int round,
                               int threads) {
  const planes::Levels levels{step, top, round};
  planes::plane_sums<3>(frames, channels, positions, chunk, sums, threads, [=](long c, long at, Vec* sum) {
    const float slope = a[c], offset = b[c], zero = shift[c];
    planes::vectors(x, at, positions, [=](Vec value, long count, long from) {
      const Vec given = planes::part(g + from, count), ratio = (value * slope + offset) / step;
      const planes::Passed passed = planes::passed(given, ratio, levels);
      sum[0] += passed.gradient;
      sum[1] += passed.gradient * (value - zero);
      sum[2] += passed.of_step;
    });
  });
}

// dx = p*g (where it passes) + q*x + r, per channel.
void planes_norm_gradient(const float* g, const float* x, const float* a, const float* b, const float* p, const float* q,
                          const float* r, float* dx, long frames, long channels, long positions, float step, float top,
                          int round, int threads) {
  const planes::Levels levels{step, top, round};
  planes::each_plane(frames, channels, positions, threads, [=](long c, long at) {
    const float slope = a[c], offset = b[c], own = p[c], linear = q[c], constant = r[c];
    planes::vectors(x, at, positions, [=](Vec value, long count, long from) {
      const Vec given = planes::part(g + from, count), ratio = (value * slope + offset) / step;
      const Vec gradient = planes::passed(given, ratio, levels).gradient;
      planes::put(dx + from, gradient * own + value * linear + constant, count);
    });
  });
}
}
