// Convolution with max-pool by 2 and its gradients on processors that multiply pairs of bfloat16
// (AVX512-BF16), twice as fast as float32.
//
// Codes of up to 8 bits are exact in bfloat16 and sums are kept in float32, so the forward direction gives the
// same integers as float32 does. Gradients are rounded to bfloat16's 8 bits before they are multiplied.
#pragma once
#ifdef __AVX512BF16__

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "conv_f32.h"

namespace narrow {

constexpr long kWide = 16;  // float32 lanes of a register

inline uint16_t rounded(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

inline __m512 multiply_add(__m512 sum, const uint32_t* vector, __m512i pair) {
  return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_loadu_si512(vector), (__m512bh)pair);
}

// `to` gets, as bfloat16, `from` with kernel/2 empty positions on both sides.
template <typename Input>
void pad(const Input* __restrict from, uint16_t* __restrict to, long length, long channels, long kernel) {
  const long margin = (kernel / 2) * channels, size = length * channels;
  std::memset(to, 0, margin * 2);
  for (long i = 0; i < size; ++i) to[margin + i] = rounded(static_cast<float>(from[i]));
  std::memset(to + margin + size, 0, margin * 2);
}

// Weights (kernel, inputs, outputs) as pairs of neighbouring inputs: (kernel, inputs/2, outputs).
inline std::vector<uint32_t> pairs_of_inputs(const float* w, long kernel, long inputs, long outputs) {
  std::vector<uint32_t> pairs(kernel * inputs / 2 * outputs);
  for (long row = 0; row < kernel * inputs / 2; ++row)
    for (long o = 0; o < outputs; ++o)
      pairs[row * outputs + o] = rounded(w[2 * row * outputs + o]) |
                                 static_cast<uint32_t>(rounded(w[(2 * row + 1) * outputs + o])) << 16;
  return pairs;
}

// Sums of P positions x B blocks of outputs; x (position, inputs) in bfloat16.
template <int P, int B>
inline void convolve(const uint16_t* x, const uint32_t* w, long kernel, long inputs, long outputs, __m512 (&sum)[P][B]) {
  for (int p = 0; p < P; ++p)
    for (int b = 0; b < B; ++b) sum[p][b] = _mm512_setzero_ps();
  for (long k = 0; k < kernel; ++k) {
    for (long c = 0; c < inputs; c += 2) {
      const uint32_t* const row = w + (k * inputs + c) / 2 * outputs;
      for (int p = 0; p < P; ++p) {
        int32_t pair;
        std::memcpy(&pair, x + (p + k) * inputs + c, 4);
        const __m512i spread = _mm512_set1_epi32(pair);
        for (int b = 0; b < B; ++b) sum[p][b] = multiply_add(sum[p][b], row + b * kWide, spread);
      }
    }
  }
}

template <int P, int B>
inline void pooled_positions(const uint16_t* x, const uint32_t* w, float* y, uint8_t* winner, long kernel, long inputs,
                             long outputs) {
  __m512 sum[P][B];
  convolve<P, B>(x, w, kernel, inputs, outputs, sum);
  for (int p = 0; p < P; p += 2) {
    for (int b = 0; b < B; ++b) {
      const long at = (p / 2) * outputs + b * kWide;
      const __mmask16 second = _mm512_cmp_ps_mask(sum[p + 1][b], sum[p][b], _CMP_GT_OQ);
      _mm512_storeu_ps(y + at, _mm512_mask_blend_ps(second, sum[p][b], sum[p + 1][b]));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(winner + at), _mm_maskz_set1_epi8(second, 1));
    }
  }
}

// Pairs of neighbouring positions, for the products summed over positions: even[p] holds the padded
// positions 2p and 2p + 1, odd[p] holds 2p + 1 and 2p + 2, per channel.
inline void pairs_of_positions(const uint16_t* __restrict padded, uint32_t* __restrict even, uint32_t* __restrict odd,
                               long rows, long channels) {
  for (long p = 0; p < rows; ++p) {
    const uint16_t* const at = padded + 2 * p * channels;
    long c = 0;
    for (; c + kWide <= channels; c += kWide) {
      const auto position = [&](long row) {
        return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + row * channels + c)));
      };
      const __m512i first = position(0), second = position(1), third = position(2);
      _mm512_storeu_si512(even + p * channels + c, _mm512_or_si512(first, _mm512_slli_epi32(second, 16)));
      _mm512_storeu_si512(odd + p * channels + c, _mm512_or_si512(second, _mm512_slli_epi32(third, 16)));
    }
    for (; c < channels; ++c) {
      even[p * channels + c] = at[c] | static_cast<uint32_t>(at[channels + c]) << 16;
      odd[p * channels + c] = at[channels + c] | static_cast<uint32_t>(at[2 * channels + c]) << 16;
    }
  }
}

// dw[c][o] += sum over p of x[p][c] * g[p][o], both pairs of positions.
template <int C, int B>
void weight_block(const uint32_t* x, const uint32_t* g, float* dw, long length, long channels, long outputs) {
  __m512 sum[C][B];
  for (int c = 0; c < C; ++c)
    for (int b = 0; b < B; ++b) sum[c][b] = _mm512_loadu_ps(dw + c * outputs + b * kWide);
  for (long p = 0; p < length; ++p) {
    for (int c = 0; c < C; ++c) {
      const __m512i spread = _mm512_set1_epi32(static_cast<int>(x[p * channels + c]));
      for (int b = 0; b < B; ++b) sum[c][b] = multiply_add(sum[c][b], g + p * outputs + b * kWide, spread);
    }
  }
  for (int c = 0; c < C; ++c)
    for (int b = 0; b < B; ++b) _mm512_storeu_ps(dw + c * outputs + b * kWide, sum[c][b]);
}

// The pooled gradient g as pairs of positions (the loser's half is zero), and position by position.
inline void unpool(const float* __restrict g, const uint8_t* __restrict winner, uint32_t* __restrict pairs,
                   uint16_t* __restrict full, long length, long outputs) {
  for (long p = 0; p < length; ++p) {
    for (long o = 0; o < outputs; o += kWide) {
      const long at = p * outputs + o;
      const __m256i value = (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(g + at));
      const __m128i won = _mm_loadu_si128(reinterpret_cast<const __m128i*>(winner + at));
      const __mmask16 second = _mm_test_epi8_mask(won, won);
      const __m512i words = _mm512_cvtepu16_epi32(value);
      _mm512_storeu_si512(pairs + at, _mm512_mask_slli_epi32(words, second, words, 16));
      uint16_t* const to = full + 2 * p * outputs + o;
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_maskz_mov_epi16(_knot_mask16(second), value));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + outputs), _mm256_maskz_mov_epi16(second, value));
    }
  }
}

template <typename Input>
void forward(const Input* x, const float* w, float* y, uint8_t* winner, long frames, long length, long channels,
             long outputs, long kernel, int threads) {
  const std::vector<uint32_t> weights = pairs_of_inputs(w, kernel, channels, outputs);
#pragma omp parallel num_threads(threads)
  {
    std::vector<uint16_t> padded((length + kernel) * channels);
#pragma omp for schedule(dynamic, 4)
    for (long n = 0; n < frames; ++n) {
      pad(x + n * length * channels, padded.data(), length, channels, kernel);
      float* const out = y + n * (length / 2) * outputs;
      uint8_t* const win = winner + n * (length / 2) * outputs;
      for_blocks(outputs, kWide, [&]<int B>(long o) {
        for_positions<B>(length, [&]<int P>(long p) {
          const long at = (p / 2) * outputs + o;
          pooled_positions<P, B>(padded.data() + p * channels, weights.data() + o, out + at, win + at, kernel,
                                 channels, outputs);
        });
      });
    }
  }
}

template <typename Input>
void backward(const float* g, const uint8_t* winner, const Input* x, const float* flipped, float* dx, float* dw,
              long frames, long chunk, long length, long channels, long outputs, long kernel, int threads) {
  const long chunks = (frames + chunk - 1) / chunk, size = kernel * channels * outputs, half = length / 2;
  const long margin = (kernel / 2) * outputs, rows = half + kernel / 2;
  const std::vector<uint32_t> weights =
      dx ? pairs_of_inputs(flipped, kernel, outputs, channels) : std::vector<uint32_t>();
#pragma omp parallel num_threads(threads)
  {
    std::vector<uint16_t> padded((length + kernel + 2) * channels, 0), full((length + kernel) * outputs, 0);
    std::vector<uint32_t> even(rows * channels), odd(rows * channels), pairs(half * outputs);
#pragma omp for schedule(dynamic, 1)
    for (long part = 0; part < chunks; ++part) {
      float* const sums = dw + (part + 1) * size;
      std::fill(sums, sums + size, 0.0f);
      for (long n = part * chunk; n < std::min(frames, (part + 1) * chunk); ++n) {
        pad(x + n * length * channels, padded.data(), length, channels, kernel);
        pairs_of_positions(padded.data(), even.data(), odd.data(), rows, channels);
        unpool(g + n * half * outputs, winner + n * half * outputs, pairs.data(), full.data() + margin, half,
               outputs);
        for (long start = 0; start < half; start += kTile) {
          const long count = std::min(kTile, half - start);
          for (long k = 0; k < kernel; ++k) {
            const uint32_t* const inputs = (k % 2 ? odd : even).data() + (start + k / 2) * channels;
            for_blocks(outputs, kWide, [&]<int B>(long o) {
              for_rows<B>(channels, [&]<int C>(long c) {
                weight_block<C, B>(inputs + c, pairs.data() + start * outputs + o,
                                   sums + (k * channels + c) * outputs + o, count, channels, outputs);
              });
            });
          }
        }
        if (!dx) continue;
        float* const to = dx + n * length * channels;
        for_blocks(channels, kWide, [&]<int B>(long c) {
          for_positions<B>(length, [&]<int P>(long p) {
            __m512 sum[P][B];
            convolve<P, B>(full.data() + p * outputs, weights.data() + c, kernel, outputs, channels, sum);
            for (int i = 0; i < P; ++i)
              for (int b = 0; b < B; ++b) _mm512_storeu_ps(to + (p + i) * channels + c + b * kWide, sum[i][b]);
          });
        });
      }
    }
  }
  add_chunks(dw, chunks, size);
}

}  // namespace narrow

#endif
