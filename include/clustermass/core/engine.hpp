// SPDX-License-Identifier: BSD-3-Clause
// What an engine is: how maps and kernels lie in memory, and the closed list of primitives that layers are made of.
// Adding a primitive is a design decision. Layers are written against this concept and see no memory layout.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>

#include "clustermass/core/crew.hpp"
#include "clustermass/core/shape.hpp"
#include "clustermass/core/view.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

enum class Activation { none, relu };

/// A centred, zero-padded square kernel; a dense layer is {in, out, 1, 1} on vectors.
struct KernelGeometry {
  int in = 0, out = 0, size = 1, stride = 1;

  constexpr std::size_t weight_count() const {
    return static_cast<std::size_t>(in) * static_cast<std::size_t>(out) * static_cast<std::size_t>(size) *
           static_cast<std::size_t>(size);
  }
  friend constexpr bool operator==(const KernelGeometry&, const KernelGeometry&) = default;
};

/// Whether a door holds a map (rows and columns, with neighbours) or a vector [n,c,1,1].
enum class Form { map, vector };

/// Output rows a call of convolve writes, so that a team of threads can split one map.
struct Rows {
  int first = 0, last = 1 << 30;
};

/// Rings of the weighted pooling: bounds of the radius from the field's centre, in units of half the field's width.
inline constexpr int ring_count = 4;
inline constexpr double ring_bounds[ring_count - 1] = {0.3, 0.55, 0.8};

/// Ring of cell (i,j) of an h x w map; the last ring takes the corners.
[[gnu::noinline]] constexpr int ring_of(int i, int j, int h, int w) {
  const double y = (2.0 * i + 1) / h - 1, x = (2.0 * j + 1) / w - 1, square = x * x + y * y;
  int ring = 0;
  while (ring < ring_count - 1 && square >= ring_bounds[ring] * ring_bounds[ring]) ++ring;
  return ring;
}

/// What a layer may know of the cutout besides its maps. Plain numbers in the engine's space.
template <class Scalar, class Space>
struct Conditions {
  View<const Scalar, Space> coverage;  ///< valid fraction of each cell of the coarse grid [n,1,h,w]
  View<const Scalar, Space> context;   ///< numbers handed to the dense layers [n,t,1,1]
};

template <class E>
using ConditionsOf = Conditions<typename E::Scalar, typename E::Space>;

/// The conditions of `count` images from `first` on.
template <class Scalar, class Space>
constexpr Conditions<Scalar, Space> image(Conditions<Scalar, Space> conditions, int first, int count) {
  const auto cut = [&](View<const Scalar, Space>& view) {
    if (!view) return;
    view.shape.n = 1;
    view.data += static_cast<std::size_t>(first) * view.size();
    view.shape.n = count;
  };
  cut(conditions.coverage);
  cut(conditions.context);
  return conditions;
}

/// Whether the first list of a Join takes all images at once (an accelerator) instead of one by one, so that its maps
/// stay in a cache. An engine says so with `joins_all_images`.
template <class E>
inline constexpr bool joins_all_images = requires {
  requires E::joins_all_images;
};

/// Memory of maps and kernels, and the primitives. With W the weights, b the bias, s the stride, K the size:
///
///   convolve                 y = act(b + W * x + skip), y of ceil(h/s) x ceil(w/s)
///   convolve_input_gradient  d_x = W^T d_y + add          written; geometry and skip as in convolve
///   convolve_weight_gradient d_W += x * d_y, d_b += sum d_y   added, in PyTorch's order [out,in,K,K]
///   activation_gradient      d_y = 0 where y <= 0 (relu), in place
///   pool                     y = (mean, ring means, context), mean = sum(w A) / sum(w), 0 without weight
///   pool_gradient            d_x written
///   dense, dense_input_gradient, dense_weight_gradient   as convolve, on vectors
///   copy_in, copy_out        plain NCHW numbers to a map or vector and back
///
/// Before the first convolution an engine is lent `scratch_size` numbers of memory by use_scratch; one engine per
/// thread. A `skip` or `add` whose data is null is left out. `image(m, k, count)` is a view of count images from k on;
/// `joined(m, group)` reads [n,c,h,w] as [n/group, group*c, h, w].
template <class E>
concept Engine = requires(E& engine, typename E::Scalar* p, const float* weights, typename E::Map m,
                          const typename E::Kernel& k, KernelGeometry g, ConditionsOf<E> conditions, Shape shape) {
  { E::map_size(shape, Form::map) } -> std::same_as<std::size_t>;
  { E::map_at(p, shape, Form::map) } -> std::same_as<typename E::Map>;
  { E::image(m, 0, 1) } -> std::same_as<typename E::Map>;
  { E::joined(m, 5) } -> std::same_as<typename E::Map>;
  { E::kernel_size(g, Form::map, true) } -> std::same_as<std::size_t>;
  { engine.prepare(g, Form::map, true, weights, weights, p) } -> std::same_as<typename E::Kernel>;
  { E::scratch_size(g, Form::map, true) } -> std::same_as<std::size_t>;
  engine.use_scratch(p);
  engine.convolve(m, k, m, Activation::relu, m, Rows{});
  engine.convolve_input_gradient(m, k, m, m);
  engine.convolve_weight_gradient(m, m, g, p, p);
  engine.activation_gradient(Activation::relu, m, m);
  engine.pool(m, conditions, ring_count, m);
  engine.pool_gradient(conditions, ring_count, m, m);
  engine.dense(m, k, Activation::relu, m);
  engine.dense_input_gradient(m, k, m);
  engine.dense_weight_gradient(m, m, g, p, p);
  engine.copy_in(View<const float>{}, m);
  engine.copy_out(m, View<typename E::Scalar>{});
};

/// An engine that can walk a plan as one member of a crew: every member makes the same calls, each primitive is shared
/// out among them, and all see what it wrote when it returns. Between work_alone(true) and work_alone(false) a member
/// works for itself, with `own_memory` in place of the plan's arena.
template <class E>
concept SharedEngine = Engine<E> && requires(E& engine, typename E::Scalar* p, Crew* crew) {
  engine.join(crew, 1, p);
  { engine.members() } -> std::same_as<int>;
  { engine.member() } -> std::same_as<int>;
  { engine.own_memory() } -> std::same_as<typename E::Scalar*>;
  engine.work_alone(true);
  engine.meet();
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
