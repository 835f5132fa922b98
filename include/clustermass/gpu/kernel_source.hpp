// SPDX-License-Identifier: BSD-3-Clause
// The kernels of our own, as one text that NVRTC compiles for the device and that the tests also compile as plain C++.
// Everything else runs in cuDNN. A thread owns what it writes and no thread waits for another, so every sum has a fixed
// order and the same device and batch give the same bits.
//
// Letters  n c h w  extents; C channels of a map; maps are NHWC numbers of type map_t (float, or half for FP16)
// Rules    the first parameter is the number of threads wanted; a block is one-dimensional; no shared memory
#pragma once

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu {

/// Names of the kernels in the text below, in its order.
inline constexpr const char* kernel_names[] = {
    "copy_in",
    "copy_in_half",
    "copy_out",
    "gather_bands",
    "scatter_bands",
    "prepare_kernel",
    "stem",
    "convolve_direct",
    "input_gradient_direct",
    "weight_gradient_direct",
    "sum_channels",
    "add_partials",
    "add_weight_gradient",
    "add_map",
    "mask_gradient",
    "pool",
    "pool_gradient",
    "dense",
    "dense_input_gradient",
    "dense_weight_gradient",
    "augment",
    "band_loss",
    "mass_loss",
    "add_scaled",
    "square_sums",
    "adam",
};
inline constexpr int kernel_count = static_cast<int>(sizeof kernel_names / sizeof kernel_names[0]);

inline constexpr char kernel_source[] = R"cuda(
// ---- numbers of a map: float, or half stored as its 16 bits and widened for every sum ------------------------------
#ifdef MAP_IS_HALF
typedef unsigned short map_t;
DEVICE float load(const map_t* p) { return half_to_float(*p); }
DEVICE void store(map_t* p, float v) { *p = float_to_half(v); }
#else
typedef float map_t;
DEVICE float load(const map_t* p) { return *p; }
DEVICE void store(map_t* p, float v) { *p = v; }
#endif
DEVICE float relu_if(int relu, float v) { return relu && !(v > 0) ? 0.0f : v; }

// Ring of cell (i,j) of an h x w map, 1 to 4 (core/engine.hpp, ring_of).
DEVICE int region_of(int i, int j, int h, int w) {
  const double y = (2.0 * i + 1) / h - 1, x = (2.0 * j + 1) / w - 1, square = x * x + y * y;
  return square < 0.3 * 0.3 ? 1 : square < 0.55 * 0.55 ? 2 : square < 0.8 * 0.8 ? 3 : 4;
}

// ---- doors: plain NCHW numbers of the host to maps and back, because only they know two layouts ---------------------
KERNEL copy_in(long long count, const float* values, map_t* x, int C, int hw) {
  const long long k = thread_index();
  if (k >= count) return;
  const long long c = k % C, p = k / C % hw, n = k / C / hw;
  store(x + k, values[(n * C + c) * hw + p]);
}
KERNEL copy_in_half(long long count, const unsigned short* values, map_t* x, int C, int hw) {  // 16-bit transfer
  const long long k = thread_index();
  if (k >= count) return;
  const long long c = k % C, p = k / C % hw, n = k / C / hw;
  store(x + k, half_to_float(values[(n * C + c) * hw + p]));
}
KERNEL copy_out(long long count, const map_t* y, float* values, int C, int hw) {
  const long long k = thread_index();
  if (k >= count) return;
  const long long c = k % C, p = k / C % hw, n = k / C / hw;
  values[(n * C + c) * hw + p] = load(y + k);
}

// ---- five images [n*G,h,w,C] as one of G*C channels [n,h,w,G*C]: in NHWC this is no view, so it is a copy -------------
KERNEL gather_bands(long long count, const map_t* x, map_t* joined, int G, int C, int hw) {
  const long long k = thread_index();
  if (k >= count) return;
  const long long c = k % C, g = k / C % G, p = k / C / G % hw, n = k / C / G / hw;
  joined[k] = x[((n * G + g) * hw + p) * C + c];
}
KERNEL scatter_bands(long long count, const map_t* joined, map_t* x, int G, int C, int hw) {
  const long long k = thread_index();
  if (k >= count) return;
  const long long c = k % C, g = k / C % G, p = k / C / G % hw, n = k / C / G / hw;
  x[((n * G + g) * hw + p) * C + c] = joined[k];
}

// ---- weights from PyTorch's [out,in,K,K] to cuDNN's [out,K,K,in], or to [in,out] for a dense layer (coalesced) --------
KERNEL prepare_kernel(long long count, const float* weight, map_t* kernel, int in, int out, int taps, int transposed) {
  const long long k = thread_index();
  if (k >= count) return;
  const long long o = transposed ? k % out : k / in / taps, c = transposed ? k / out : k % in;
  const long long tap = transposed ? 0 : k / in % taps;
  store(kernel + k, weight[(o * in + c) * taps + tap]);
}

// ---- stem: one input channel is below what cuDNN's NHWC kernels take; four output channels a thread, 16-byte stores ----
KERNEL stem(long long count, const map_t* x, const map_t* kernel, const map_t* bias, const map_t* skip, map_t* y, int h,
            int w, int h_out, int w_out, int out, int size, int stride, int relu) {
  const long long k = thread_index();
  if (k >= count) return;
  const int quads = out / 4, o = static_cast<int>(k % quads) * 4;
  const long long pixel = k / quads;
  const int j = static_cast<int>(pixel % w_out), i = static_cast<int>(pixel / w_out % h_out);
  const map_t* image = x + pixel / w_out / h_out * h * w;
  float s0 = load(bias + o), s1 = load(bias + o + 1), s2 = load(bias + o + 2), s3 = load(bias + o + 3);
  const int taps = size * size;
  for (int a = 0; a < size; ++a) {
    const int p = stride * i + a - size / 2;
    if (p < 0 || p >= h) continue;
    for (int b = 0; b < size; ++b) {
      const int q = stride * j + b - size / 2;
      if (q < 0 || q >= w) continue;
      const float value = load(image + p * w + q);
      const map_t* tap = kernel + o * taps + a * size + b;
      s0 += load(tap) * value;
      s1 += load(tap + taps) * value;
      s2 += load(tap + 2 * taps) * value;
      s3 += load(tap + 3 * taps) * value;
    }
  }
  const long long at = pixel * out + o;
  if (skip) {
    s0 += load(skip + at);
    s1 += load(skip + at + 1);
    s2 += load(skip + at + 2);
    s3 += load(skip + at + 3);
  }
  struct alignas(4 * sizeof(map_t)) Quad { map_t v[4]; } result;
  store(result.v, relu_if(relu, s0));
  store(result.v + 1, relu_if(relu, s1));
  store(result.v + 2, relu_if(relu, s2));
  store(result.v + 3, relu_if(relu, s3));
  *reinterpret_cast<Quad*>(y + at) = result;
}

// ---- convolution of any shape: for channels that cuDNN's NHWC kernels do not take, one number a thread ----------------
KERNEL convolve_direct(long long count, const map_t* x, const map_t* kernel, const map_t* bias, const map_t* skip,
                       map_t* y, int h, int w, int in, int h_out, int w_out, int out, int size, int stride, int relu) {
  const long long k = thread_index();
  if (k >= count) return;
  const int o = static_cast<int>(k % out);
  const long long pixel = k / out;
  const int j = static_cast<int>(pixel % w_out), i = static_cast<int>(pixel / w_out % h_out);
  const long long n = pixel / w_out / h_out;
  float sum = load(bias + o);
  for (int a = 0; a < size; ++a)
    for (int b = 0; b < size; ++b) {
      const int p = stride * i + a - size / 2, q = stride * j + b - size / 2;
      if (p < 0 || p >= h || q < 0 || q >= w) continue;
      const map_t* pixel_in = x + ((n * h + p) * w + q) * in;
      const map_t* tap = kernel + ((static_cast<long long>(o) * size + a) * size + b) * in;
      for (int c = 0; c < in; ++c) sum += load(tap + c) * load(pixel_in + c);
    }
  if (skip) sum += load(skip + k);
  store(y + k, relu_if(relu, sum));
}
KERNEL input_gradient_direct(long long count, const map_t* d_y, const map_t* kernel, map_t* d_x, int h, int w, int in,
                             int h_out, int w_out, int out, int size, int stride) {
  const long long k = thread_index();
  if (k >= count) return;
  const int c = static_cast<int>(k % in);
  const long long pixel = k / in;
  const int q = static_cast<int>(pixel % w), p = static_cast<int>(pixel / w % h);
  const long long n = pixel / w / h;
  float sum = 0;
  for (int a = 0; a < size; ++a)
    for (int b = 0; b < size; ++b) {
      const int i = p - a + size / 2, j = q - b + size / 2;  // times the stride
      if (i < 0 || j < 0 || i % stride || j % stride || i / stride >= h_out || j / stride >= w_out) continue;
      const map_t* gradient = d_y + ((n * h_out + i / stride) * w_out + j / stride) * out;
      for (int o = 0; o < out; ++o)
        sum += load(kernel + ((static_cast<long long>(o) * size + a) * size + b) * in + c) * load(gradient + o);
    }
  store(d_x + k, sum);
}
// One partial sum per image and weight, in the order [image][out,K,K,in].
KERNEL weight_gradient_direct(long long count, const map_t* x, const map_t* d_y, float* partial, int h, int w, int in,
                              int h_out, int w_out, int out, int size, int stride) {
  const long long k = thread_index();
  if (k >= count) return;
  const int c = static_cast<int>(k % in), b = static_cast<int>(k / in % size), a = static_cast<int>(k / in / size % size);
  const int o = static_cast<int>(k / in / size / size % out);
  const long long n = k / in / size / size / out;
  float sum = 0;
  for (int i = 0; i < h_out; ++i) {
    const int p = stride * i + a - size / 2;
    if (p < 0 || p >= h) continue;
    for (int j = 0; j < w_out; ++j) {
      const int q = stride * j + b - size / 2;
      if (q < 0 || q >= w) continue;
      sum += load(x + ((n * h + p) * w + q) * in + c) * load(d_y + ((n * h_out + i) * w_out + j) * out + o);
    }
  }
  partial[k] = sum;
}

// ---- sums over a batch in two steps of fixed order: cuDNN's bias gradient has no twin in its graph interface -----------
KERNEL sum_channels(long long count, const map_t* d_y, float* partial, int C, int hw) {  // [image][C]
  const long long k = thread_index();
  if (k >= count) return;
  const map_t* image = d_y + k / C * hw * C + k % C;
  float sum = 0;
  for (int p = 0; p < hw; ++p) sum += load(image + static_cast<long long>(p) * C);
  partial[k] = sum;
}
KERNEL add_partials(long long count, const float* partial, float* sum, int parts) {
  const long long k = thread_index();
  if (k >= count) return;
  float total = 0;
  for (int part = 0; part < parts; ++part) total += partial[part * count + k];
  sum[k] += total;
}
// From [parts][out,K,K,in] to PyTorch's order, added: cuDNN writes its own order and cannot add across orders.
KERNEL add_weight_gradient(long long count, const float* partial, float* d_weight, int in, int taps, int parts) {
  const long long k = thread_index();
  if (k >= count) return;
  const long long c = k % in, tap = k / in % taps, o = k / in / taps;
  float total = 0;
  for (int part = 0; part < parts; ++part) total += partial[part * count + k];
  d_weight[(o * in + c) * taps + tap] += total;
}
KERNEL add_map(long long count, map_t* x, const map_t* add) {  // the skip's gradient: dgrad with beta is seldom supported
  const long long k = thread_index();
  if (k < count) store(x + k, load(x + k) + load(add + k));
}
KERNEL mask_gradient(long long count, const map_t* y, map_t* d_y) {  // ReLU's gradient, in place; one pass over both
  const long long k = thread_index();
  if (k < count && !(load(y + k) > 0)) store(d_y + k, 0);
}

// ---- pooling with coverage and rings: no library has it ---------------------------------------------------------------
KERNEL pool(long long count, const map_t* x, const map_t* coverage, const map_t* context, map_t* y, int h, int w, int C,
            int rings, int context_count) {
  const long long k = thread_index();
  if (k >= count) return;
  const int width = (1 + rings) * C + context_count, t = static_cast<int>(k % width);
  const long long n = k / width;
  if (t >= (1 + rings) * C) {
    y[k] = context[n * context_count + t - (1 + rings) * C];
    return;
  }
  const int region = t / C, c = t % C;
  float sum = 0, weight = 0;
  for (int i = 0; i < h; ++i)
    for (int j = 0; j < w; ++j) {
      if (region > 0 && region_of(i, j, h, w) != region) continue;
      const float covered = load(coverage + (n * h + i) * w + j);
      weight += covered;
      sum += covered * load(x + ((n * h + i) * w + j) * C + c);
    }
  store(y + k, weight > 0 ? sum / weight : 0.0f);
}
KERNEL pool_gradient(long long count, const map_t* coverage, const map_t* d_y, map_t* d_x, int h, int w, int C, int rings,
                     int context_count) {
  const long long k = thread_index();
  if (k >= count) return;
  const int c = static_cast<int>(k % C), j = static_cast<int>(k / C % w), i = static_cast<int>(k / C / w % h);
  const long long n = k / C / w / h;
  const map_t* covered = coverage + n * h * w;
  const map_t* gradient = d_y + n * ((1 + rings) * C + context_count) + c;
  const int ring = region_of(i, j, h, w);
  float whole = 0, own = 0;
  for (int p = 0; p < h * w; ++p) {
    whole += load(covered + p);
    if (rings && region_of(p / w, p % w, h, w) == ring) own += load(covered + p);
  }
  const float weight = load(covered + i * w + j);
  float sum = whole > 0 ? load(gradient) * weight / whole : 0.0f;
  if (rings && own > 0) sum += load(gradient + ring * C) * weight / own;
  store(d_x + k, sum);
}

// ---- dense tail: vectors of a few hundred numbers, below what is worth a library's launch ------------------------------
KERNEL dense(long long count, const map_t* x, const map_t* kernel, const map_t* bias, map_t* y, int in, int out, int relu) {
  const long long k = thread_index();
  if (k >= count) return;
  const int o = static_cast<int>(k % out);
  const map_t* vector = x + k / out * in;
  float sum = load(bias + o);
  for (int c = 0; c < in; ++c) sum += load(kernel + static_cast<long long>(c) * out + o) * load(vector + c);
  store(y + k, relu_if(relu, sum));
}
KERNEL dense_input_gradient(long long count, const map_t* d_y, const map_t* kernel, map_t* d_x, int in, int out) {
  const long long k = thread_index();
  if (k >= count) return;
  const map_t* row = kernel + k % in * out;
  const map_t* gradient = d_y + k / in * out;
  float sum = 0;
  for (int o = 0; o < out; ++o) sum += load(row + o) * load(gradient + o);
  store(d_x + k, sum);
}
KERNEL dense_weight_gradient(long long count, const map_t* x, const map_t* d_y, float* d_weight, float* d_bias, int in,
                             int out, int batch) {  // one thread per row of [out, in + bias]
  const long long k = thread_index();
  if (k >= count) return;
  const int o = static_cast<int>(k / (in + 1)), c = static_cast<int>(k % (in + 1));
  float sum = 0;
  for (int n = 0; n < batch; ++n)
    sum += load(d_y + static_cast<long long>(n) * out + o) * (c < in ? load(x + static_cast<long long>(n) * in + c) : 1.0f);
  if (c < in)
    d_weight[static_cast<long long>(o) * in + c] += sum;
  else
    d_bias[o] += sum;
}

// ---- training: samples stay on the device in 16 bits; orientation, shift, masked rectangles and gain are drawn by the host
struct Draw {  // one per image of the batch; train/augment.hpp says what the numbers mean
  const short* image;            // stored numbers on the device; null: the host makes this image
  int orientation;               // bit 0: columns reversed, 1: rows reversed, 2: transposed
  int down, across;              // then shifted
  int top, left, bottom, right;  // then a masked rectangle, empty if top >= bottom
  float gain;                    // ln
};
DEVICE float quick_tanh(float x) {
  const float t = x < -3 ? -3.0f : x > 3 ? 3.0f : x, q = t * t, y = t * (15 + q) / (15 + 6 * q);
  return y < -1 ? -1.0f : y > 1 ? 1.0f : y;
}
KERNEL augment(long long count, const Draw* draws, map_t* x, int side, float step) {
  const long long k = thread_index();
  if (k >= count) return;
  const Draw draw = draws[k / side / side];
  const int row = static_cast<int>(k / side % side), column = static_cast<int>(k % side);
  const int down = row - draw.down, across = column - draw.across;
  int i = draw.orientation & 4 ? across : down, j = draw.orientation & 4 ? down : across;
  if (draw.orientation & 2) i = side - 1 - i;
  if (draw.orientation & 1) j = side - 1 - j;
  float value = 0;
  if (draw.image && i >= 0 && i < side && j >= 0 && j < side)
    value = static_cast<float>(draw.image[i * side + j]) * step;
  if (row >= draw.top && row < draw.bottom && column >= draw.left && column < draw.right) value = 0;
  store(x + k, value + 0.5f * draw.gain * quick_tanh(2 * value));
}

// ---- losses and their gradients, per sample; sums of losses are the host's ----------------------------------------------
KERNEL band_loss(long long count, const map_t* logits, map_t* d_logits, float* loss, int bands, float smoothing, float scale) {
  const long long k = thread_index();
  if (k >= count) return;
  const map_t* row = logits + k * bands;
  float largest = load(row), sum = 0, total = 0;
  for (int b = 1; b < bands; ++b) largest = load(row + b) > largest ? load(row + b) : largest;
  for (int b = 0; b < bands; ++b) sum += expf(load(row + b) - largest);
  for (int b = 0; b < bands; ++b) {
    const float log_probability = load(row + b) - largest - logf(sum);
    const float target = (b == k % bands ? 1 - smoothing : 0) + smoothing / bands;
    total -= target * log_probability;
    store(d_logits + k * bands + b, (expf(log_probability) - target) * scale);
  }
  loss[k] = total;
}
// train/loss.hpp has the formulae; gaussian is beta 0. log_odds: ln of the share of outliers over the rest, -inf for none.
KERNEL mass_loss(long long count, const map_t* output, const float* target, const float* label_error, map_t* d_output,
                 float* loss, int moment, float beta, float log_odds, float far_square, float scale, int heads, int head,
                 const int* sample) {
  const long long k = thread_index();
  if (k >= count) return;
  const float raw = load(output + 2 * k + 1), clamped = raw < -8 ? -8.0f : raw > 4 ? 4.0f : raw;
  const float own = expf(clamped), noise = label_error[k] * label_error[k], v = own + noise;
  const float residual = target[k] - load(output + 2 * k), square = residual * residual;
  float d_mean, d_log_variance;
  if (moment) {
    const float excess = square - noise - own;
    loss[k] = square + excess * excess;
    d_mean = -2 * residual;
    d_log_variance = -2 * excess * own;
  } else {
    const float wide = v + far_square, weight = powf(v, beta);
    const float log_core = -0.5f * (logf(v) + square / v), log_far = -0.5f * (logf(wide) + square / wide);
    const float odds = log_odds + log_far - log_core, core = 1 / (1 + expf(odds));  // odds: ln
    loss[k] = -(odds > 0 ? log_odds + log_far : log_core) - log1pf(expf(-fabsf(odds))) + log1pf(expf(log_odds));
    d_mean = -weight * residual * (core / v + (1 - core) / wide);
    d_log_variance =
        weight * 0.5f * own * (core * (1 / v - square / (v * v)) + (1 - core) * (1 / wide - square / (wide * wide)));
  }
  if ((raw > 4 && d_log_variance < 0) || (raw < -8 && d_log_variance > 0)) d_log_variance = 0;
  const float kept = heads > 1 && sample[k] % heads == head ? 0.0f : scale;  // each head leaves out its own share
  store(d_output + 2 * k, d_mean * kept);
  store(d_output + 2 * k + 1, d_log_variance * kept);
}
KERNEL add_scaled(long long count, map_t* sum, const map_t* part, float scale) {  // the mean of the heads' gradients
  const long long k = thread_index();
  if (k < count) store(sum + k, load(sum + k) + scale * load(part + k));
}

// ---- optimiser: everything stays on the device, so that a step needs no copy --------------------------------------------
KERNEL square_sums(long long count, const float* gradient, double* partial, int size) {
  const long long k = thread_index();
  if (k >= count) return;
  double sum = 0;
  for (long long p = k; p < size; p += count) sum += static_cast<double>(gradient[p]) * static_cast<double>(gradient[p]);
  partial[k] = sum;
}
KERNEL adam(long long count, float* parameter, const float* gradient, float* first, float* second, const double* partial,
            int parts, double rate, double beta1, double beta2, double correction1, double correction2, double epsilon,
            double weight_decay, double clip_norm) {
  const long long k = thread_index();
  if (k >= count) return;
  double square = 0;
  for (int part = 0; part < parts; ++part) square += partial[part];
  const double norm = sqrt(square), g = (norm > clip_norm ? clip_norm / norm : 1.0) * static_cast<double>(gradient[k]);
  const double m = beta1 * static_cast<double>(first[k]) + (1 - beta1) * g;
  const double v = beta2 * static_cast<double>(second[k]) + (1 - beta2) * g * g;
  first[k] = static_cast<float>(m);
  second[k] = static_cast<float>(v);
  const double step = (m / correction1) / (sqrt(v / correction2) + epsilon), p = static_cast<double>(parameter[k]);
  parameter[k] = static_cast<float>(p - rate * (step + weight_decay * p));
}
)cuda";

/// What the text above leans on, for NVRTC; the tests bring the same names as plain C++.
inline constexpr char kernel_prologue[] = R"cuda(
#define DEVICE static __device__ __forceinline__
#define KERNEL extern "C" __global__ void
DEVICE long long thread_index() { return static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x; }
DEVICE float half_to_float(unsigned short bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}
DEVICE unsigned short float_to_half(float value) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}
)cuda";

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::gpu
