// SPDX-License-Identifier: BSD-3-Clause
// A network made ready for one engine and one input shape: kernels prepared, doors placed in an arena. A plan holds no
// activations: whoever runs it brings an arena of `arena_size` zeroed numbers (and one of `gradient_arena_size`), and
// an engine that has been lent `scratch_size` numbers, zeroed or not.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "clustermass/core/arena.hpp"
#include "clustermass/nn/sequential.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Inference lets doors share memory as soon as nobody needs them; recorded keeps all for a backward walk.
enum class Walk { inference, recorded };

namespace detail {

/// Places doors. Doors may share a place only with doors of the very same shape, because a place's halo and padding
/// stay zero as long as every map in it is written alike.
class DoorPlaces {
 public:
  /// map_size: numbers of a map on the engine; unit: numbers of a cache line.
  DoorPlaces(std::size_t (*map_size)(Shape, Form), std::size_t unit) : map_size_(map_size), unit_(unit) {}

  std::size_t take(Shape shape, Form form) {
    for (Place& place : places_)
      if (place.free && place.shape == shape && place.form == form) {
        place.free = false;
        return place.offset;
      }
    const std::size_t offset = size_;
    places_.push_back({offset, shape, form, false});
    size_ += (map_size_(shape, form) + unit_ - 1) / unit_ * unit_;
    return offset;
  }
  void give_back(std::size_t offset) {
    for (Place& place : places_)
      if (place.offset == offset) place.free = true;
  }
  std::size_t size() const { return size_; }

 private:
  struct Place {
    std::size_t offset;
    Shape shape;
    Form form;
    bool free;
  };
  std::size_t (*map_size_)(Shape, Form);
  std::size_t unit_, size_ = 0;
  std::vector<Place> places_;
};

/// What placing the doors of a list needs to know of a layer, and what becomes of its own two doors: the one inside, if
/// there is one, and the one above it.
struct LayerDoors {
  Shape (*output_shape)(Shape), (*inner_shape)(Shape);
  Form form;
  Shape inner{}, output{};
  std::size_t inner_place = 0, output_place = 0, gradient_inner_place = 0, gradient_output_place = 0;
};

/// Places the doors of a list of layers: activations one after the other up, or all apart if they are recorded, and the
/// gradients down.
inline void place_doors(std::span<LayerDoors> layers, Shape input, bool recorded, DoorPlaces& places,
                        DoorPlaces& gradients) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    LayerDoors& layer = layers[i];
    const Shape below = i == 0 ? input : layers[i - 1].output;
    layer.output = layer.output_shape(below);
    layer.inner = layer.inner_shape(below);
    if (layer.inner.n > 0) layer.inner_place = places.take(layer.inner, Form::map);
    layer.output_place = places.take(layer.output, layer.form);
    if (recorded) continue;
    if (layer.inner.n > 0) places.give_back(layer.inner_place);
    if (i > 0) places.give_back(layers[i - 1].output_place);
  }
  for (std::size_t i = layers.size(); i-- > 0;) {
    LayerDoors& layer = layers[i];
    if (layer.inner.n > 0) layer.gradient_inner_place = gradients.take(layer.inner, Form::map);
    if (i > 0) layers[i - 1].gradient_output_place = gradients.take(layers[i - 1].output, layers[i - 1].form);
    if (layer.inner.n > 0) gradients.give_back(layer.gradient_inner_place);
    if (i + 1 < layers.size()) gradients.give_back(layer.gradient_output_place);
  }
}

template <class E>
struct ArenaOf {
  using type = Arena<typename E::Scalar>;
};
template <class E>
requires requires { typename E::template Arena<typename E::Scalar>; }
struct ArenaOf<E> {
  using type = typename E::template Arena<typename E::Scalar>;
};

}  // namespace detail

/// The arena of an engine's numbers: the host's, unless the engine names its own.
template <class E>
using ArenaOf = typename detail::ArenaOf<E>::type;

/// Plan of a flat list, with the layers as a table: compiled once per engine. Made by Plan.
template <Engine E>
class ListPlan {
 public:
  using Scalar = typename E::Scalar;
  using Map = typename E::Map;
  using Kernel = typename E::Kernel;
  using Forward = void (*)(E&, const Kernel*, const ConditionsOf<E>&, const Doors<Map>&);
  using Backward = void (*)(E&, const Kernel*, const ConditionsOf<E>&, const Doors<Map>&, const Doors<Map>&, Scalar*);

  /// A layer: its shapes, where its parameters and kernels begin, and its walk.
  struct Step {
    Shape (*output_shape)(Shape), (*inner_shape)(Shape);
    Form form;
    std::size_t parameter, kernel;
    Forward forward;
  };
  /// A kernel, and where the parameters of its layer begin.
  struct PlacedSlot {
    KernelSlot slot;
    std::size_t layer_offset;
  };

  ListPlan(std::span<const Step> steps, std::span<const PlacedSlot> slots, bool backward)
      : steps_(steps), slots_(slots), backward_(backward), kernel_place_(slots.size()), kernels_(slots.size()) {
    for (const Step& step : steps) doors_.push_back({step.output_shape, step.inner_shape, step.form});
    Layout layout;
    for (std::size_t k = 0; k < slots.size(); ++k) {
      const KernelSlot& slot = slots[k].slot;
      kernel_place_[k] = layout.place<Scalar>(E::kernel_size(slot.geometry, slot.form, backward));
      scratch_size_ = std::max(scratch_size_, E::scratch_size(slot.geometry, slot.form, backward));
    }
    storage_ = std::make_shared<ArenaOf<E>>(layout.end());
  }

  /// Prepares the kernels again, after the parameters have changed.
  template <class Source>
  void refresh(std::span<Source> parameters, E engine = E()) {
    for (std::size_t k = 0; k < slots_.size(); ++k) {
      const KernelSlot& slot = slots_[k].slot;
      const auto* layer = parameters.data() + slots_[k].layer_offset;
      kernels_[k] = engine.prepare(slot.geometry, slot.form, backward_, layer + slot.weight, layer + slot.bias,
                                   storage_->data() + kernel_place_[k]);
    }
  }

  /// The same kernels for another input shape. A copy of a plan shares its kernels.
  void resize(Shape input) {
    input_ = input;
    constexpr std::size_t unit = Arena<Scalar>::alignment / sizeof(Scalar);
    detail::DoorPlaces places(&E::map_size, unit), gradients(&E::map_size, unit);
    detail::place_doors(doors_, input, backward_, places, gradients);
    arena_size_ = places.size();
    gradient_arena_size_ = gradients.size();
  }

  std::size_t arena_size() const { return arena_size_; }
  std::size_t gradient_arena_size() const { return gradient_arena_size_; }
  std::size_t scratch_size() const { return scratch_size_; }
  Shape input_shape() const { return input_; }
  Shape output_shape() const { return doors_.back().output; }

  /// Walks up. The output lies in `y`, or in the arena if `y` is empty; it is returned either way.
  Map run(E& engine, Scalar* arena, const ConditionsOf<E>& conditions, Map x, Map y = {}) const {
    for (std::size_t i = 0; i < steps_.size(); ++i)
      steps_[i].forward(engine, kernels_.data() + steps_[i].kernel, conditions, layer_doors(i, arena, x, y));
    return door(steps_.size(), arena, x, y);
  }

 protected:
  /// Walks down, by the layers' own backward walks.
  void backward(std::span<const Backward> layers, E& engine, Scalar* arena, Scalar* gradient_arena,
                const ConditionsOf<E>& conditions, Map x, Map y, Map d_y, Map d_x, Scalar* d_parameters) const {
    for (std::size_t i = layers.size(); i-- > 0;) {
      Doors<Map> gradients{};
      gradients.y = i + 1 == layers.size() ? d_y : output_at(gradient_arena, doors_[i].gradient_output_place, i);
      gradients.x = i == 0 ? d_x : output_at(gradient_arena, doors_[i - 1].gradient_output_place, i - 1);
      if (doors_[i].inner.n > 0) gradients.inner = inner_at(gradient_arena, doors_[i].gradient_inner_place, i);
      layers[i](engine, kernels_.data() + steps_[i].kernel, conditions, layer_doors(i, arena, x, y), gradients,
                d_parameters ? d_parameters + steps_[i].parameter : nullptr);
    }
  }

 private:
  Map output_at(Scalar* arena, std::size_t place, std::size_t layer) const {
    return E::map_at(arena + place, doors_[layer].output, doors_[layer].form);
  }
  Map inner_at(Scalar* arena, std::size_t place, std::size_t layer) const {
    return E::map_at(arena + place, doors_[layer].inner, Form::map);
  }
  Map door(std::size_t i, Scalar* arena, Map x, Map y) const {
    if (i == 0) return x;
    if (i == steps_.size() && y) return y;
    return output_at(arena, doors_[i - 1].output_place, i - 1);
  }
  Doors<Map> layer_doors(std::size_t i, Scalar* arena, Map x, Map y) const {
    Doors<Map> doors{door(i, arena, x, y), {}, door(i + 1, arena, x, y)};
    if (doors_[i].inner.n > 0) doors.inner = inner_at(arena, doors_[i].inner_place, i);
    return doors;
  }

  std::span<const Step> steps_;
  std::span<const PlacedSlot> slots_;
  Shape input_{};
  std::vector<detail::LayerDoors> doors_;
  std::size_t arena_size_ = 0, gradient_arena_size_ = 0, scratch_size_ = 0;
  bool backward_;
  std::shared_ptr<ArenaOf<E>> storage_;  // of the kernels
  std::vector<std::size_t> kernel_place_;
  std::vector<Kernel> kernels_;
};

template <class Net, Engine E>
class Plan;

/// Plan of a flat list.
template <Engine E, Layer... Layers>
class Plan<Sequential<Layers...>, E> : public ListPlan<E> {
  using Base = ListPlan<E>;

 public:
  using Net = Sequential<Layers...>;
  using Scalar = typename E::Scalar;
  using Map = typename E::Map;

  /// parameters: Net::parameter_count numbers in plain order; input: shape of door 0.
  template <class Source>
  Plan(std::span<Source> parameters, Shape input, Walk walk, E engine = E())
      : Base(steps, slots, walk == Walk::recorded) {
    this->resize(input);
    this->refresh(parameters, engine);
  }

  /// Walks down after a recorded run with the same arena, x and y. Uses up d_y; writes d_x unless it is empty; adds to
  /// d_parameters unless it is null.
  void backward(E& engine, Scalar* arena, Scalar* gradient_arena, const ConditionsOf<E>& conditions, Map x, Map y,
                Map d_y, Map d_x, Scalar* d_parameters) const {
    static constexpr typename Base::Backward layers[] = {&Layers::template backward<E>...};
    Base::backward(layers, engine, arena, gradient_arena, conditions, x, y, d_y, d_x, d_parameters);
  }

 private:
  static constexpr auto steps = [] {
    std::array<typename Base::Step, sizeof...(Layers)> all{typename Base::Step{
        &Layers::output_shape, &Layers::inner_shape, Layers::form, 0, 0, &Layers::template forward<E>}...};
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].parameter = Net::parameter_offset[i];
      all[i].kernel = static_cast<std::size_t>(Net::kernel_offset[i]);
    }
    return all;
  }();
  static constexpr auto slots = [] {
    std::array<typename Base::PlacedSlot, static_cast<std::size_t>(Net::kernel_count)> all{};
    std::size_t k = 0;
    Net::for_each_layer([&]<int i>() {
      Net::template layer<i>::for_each_kernel([&](const KernelSlot& slot) {
        all[k++] = {slot, Net::parameter_offset[i]};
      });
    });
    return all;
  }();
};

/// Plan of two joined lists: the first group by group into its slot of one map, the second on all images. A group is
/// one image, or all of them where joins_all_images<E>.
template <class First, class Second, Engine E>
class Plan<Join<First, Second>, E> {
 public:
  using Net = Join<First, Second>;
  using Scalar = typename E::Scalar;
  using Map = typename E::Map;

  template <class Source>
  Plan(std::span<Source> parameters, Shape input, Walk walk, E engine = E())
      : group_(joins_all_images<E> ? input.n : 1),
        groups_(input.n / group_),
        first_(parameters.first(First::parameter_count), {group_, input.c, input.h, input.w}, walk, engine),
        second_(parameters.subspan(First::parameter_count), First::output_shape(input), walk, engine) {
    first_places_ = walk == Walk::recorded ? groups_ : 1;
    place_parts();
  }

  /// The same kernels for another size of the same number of images. A copy of a plan shares its kernels.
  void resize(Shape input) {
    first_.resize({group_, input.c, input.h, input.w});
    second_.resize(First::output_shape(input));
    place_parts();
  }

  template <class Source>
  void refresh(std::span<Source> parameters, E engine = E()) {
    first_.refresh(parameters.first(First::parameter_count), engine);
    second_.refresh(parameters.subspan(First::parameter_count), engine);
  }

  std::size_t arena_size() const { return arena_size_; }
  std::size_t gradient_arena_size() const { return gradient_arena_size_; }
  /// Numbers of zeroed memory that each further member of a crew brings.
  std::size_t own_memory_size() const { return first_.arena_size(); }
  std::size_t scratch_size() const { return std::max(first_.scratch_size(), second_.scratch_size()); }
  Shape output_shape() const { return second_.output_shape(); }

  Map run(E& engine, Scalar* arena, const ConditionsOf<E>& conditions, Map x, Map y = {}) const {
    const Map middle = middle_at(arena, middle_place_);
    int shared = 0;  // from here on all members of a crew walk one group together; before, each takes whole groups
    if constexpr (SharedEngine<E>) {
      if (engine.members() > 1) {
        shared = groups_ - groups_ % engine.members();
        engine.work_alone(true);
        Scalar* const own = engine.member() == 0 ? first_arena(arena, 0) : engine.own_memory();
        for (int k = engine.member(); k < shared; k += engine.members())
          first_.run(engine, own, part(conditions, k), part(x, k), part(middle, k));
        engine.work_alone(false);
        engine.meet();
      }
    }
    for (int k = shared; k < groups_; ++k)
      first_.run(engine, first_arena(arena, k), part(conditions, k), part(x, k), part(middle, k));
    return second_.run(engine, arena + second_place_, conditions, middle, y);
  }

  void backward(E& engine, Scalar* arena, Scalar* gradient_arena, const ConditionsOf<E>& conditions, Map x, Map y,
                Map d_y, Map d_x, Scalar* d_parameters) const {
    const Map middle = middle_at(arena, middle_place_), d_middle = middle_at(gradient_arena, gradient_middle_);
    second_.backward(engine, arena + second_place_, gradient_arena + gradient_second_, conditions, middle, y, d_y,
                     d_middle, d_parameters ? d_parameters + First::parameter_count : nullptr);
    for (int k = 0; k < groups_; ++k)
      first_.backward(engine, first_arena(arena, k), gradient_arena + gradient_first_, part(conditions, k), part(x, k),
                      part(middle, k), part(d_middle, k), d_x ? part(d_x, k) : Map{}, d_parameters);
  }

 private:
  Map part(Map m, int k) const { return E::image(m, k * group_, group_); }
  ConditionsOf<E> part(const ConditionsOf<E>& conditions, int k) const { return image(conditions, k * group_, group_); }
  void place_parts() {
    Layout layout;
    for (int k = 0; k < first_places_; ++k) first_place_ = place(layout, first_.arena_size(), k);
    middle_place_ = layout.place<Scalar>(E::map_size(second_.input_shape(), First::form));
    second_place_ = layout.place<Scalar>(second_.arena_size());
    arena_size_ = layout.end();

    Layout gradient;
    gradient_first_ = gradient.place<Scalar>(first_.gradient_arena_size());
    gradient_middle_ = gradient.place<Scalar>(E::map_size(second_.input_shape(), First::form));
    gradient_second_ = gradient.place<Scalar>(second_.gradient_arena_size());
    gradient_arena_size_ = gradient.end();
  }

  /// Places group k's arena and returns where the row of equal arenas begins.
  std::size_t place(Layout& layout, std::size_t size, int k) {
    const std::size_t offset = layout.place<Scalar>(size);
    if (k == 1) first_step_ = offset - first_place_;
    return k == 0 ? offset : first_place_;
  }
  Scalar* first_arena(Scalar* arena, int k) const {
    return arena + first_place_ + (first_places_ > 1 ? static_cast<std::size_t>(k) * first_step_ : 0);
  }
  Map middle_at(Scalar* arena, std::size_t place) const {
    return E::map_at(arena + place, second_.input_shape(), First::form);
  }

  int group_, groups_, first_places_ = 1;
  Plan<First, E> first_;
  Plan<Second, E> second_;
  std::size_t first_place_ = 0, first_step_ = 0, middle_place_ = 0, second_place_ = 0, arena_size_ = 0;
  std::size_t gradient_first_ = 0, gradient_middle_ = 0, gradient_second_ = 0, gradient_arena_size_ = 0;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
