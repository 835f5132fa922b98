// SPDX-License-Identifier: BSD-3-Clause
// The two-stage network on one screen (Lin et al. 2022, arXiv:2203.06288): an extractor that learns to name the
// photometric band of one image, and a head that takes the features of five bands to the mass.
#pragma once

#include <string>

#include "clustermass/core/error.hpp"
#include "clustermass/cutout.hpp"
#include "clustermass/nn/conv.hpp"
#include "clustermass/nn/dense.hpp"
#include "clustermass/nn/pool.hpp"
#include "clustermass/nn/residual.hpp"
#include "clustermass/nn/sequential.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// Numbers the mass head sees besides the maps; prepare.hpp lists them.
inline constexpr int context_count = 17;

/// The extractor halves the map four times: one coarse cell is 16 x 16 input cells.
inline constexpr int coarse_factor = 16;

/// Channels after each halving (C1 to C4) and of the mass head. There is no normalisation layer.
template <int C1, int C2, int C3, int C4, int Head>
struct Architecture {
  static_assert(C1 % 16 == 0 && C2 % 16 == 0 && C3 % 16 == 0 && C4 % 16 == 0 && Head % 16 == 0,
                "Architecture: channels come in blocks of 16");
  static constexpr ConvOptions halve{.stride = 2};
  static constexpr int feature_channels = C4, hidden = 64;

  using Shallow = Sequential<                // one image [1,1,h,w]
      Conv<1, C1, 3, halve>, Residual<C1>,   // [1,C1,h/2,w/2]
      Conv<C1, C2, 3, halve>, Residual<C2>,  // [1,C2,h/4,w/4]
      Conv<C2, C3, 3, halve>, Residual<C3>,  // [1,C3,h/8,w/8]
      Conv<C3, C4, 3, halve>>;               // [1,C4,h/16,w/16]
  using Deep = Sequential<Residual<C4>>;     // five images [5,C4,h/16,w/16]
  using Features = Join<Shallow, Deep>;

  using BandHead = Sequential<  // [5,C4,h/16,w/16]
      Pool<C4, 0, 0>,           // [5,C4]
      Dense<C4, band_count>>;   // [5,5] logits of u g r i z

  static constexpr int pooled = (1 + ring_count) * Head + context_count;
  using MassHead = Sequential<                  // five bands joined [1,5*C4,h/16,w/16]
      Conv<band_count * C4, Head, 1>,           // [1,Head,h/16,w/16]
      Conv<Head, Head, 3>,                      // [1,Head,h/16,w/16]
      Pool<Head, ring_count, context_count>,    // [1,5*Head+17]
      Dense<pooled, hidden, Activation::relu>,  // [1,64]
      // [1,2] scaled mass, ln of its scaled variance. From zero: steps towards a first answer that is far off kill the
      // hidden units, and a head that says one mass for all stays that way.
      Dense<hidden, 2, Activation::none, Initial::zero>>;

  /// As it stands in the weight file, for example "16-16-32-48-64".
  static std::string name() { return detail::sentence({C1, "-", C2, "-", C3, "-", C4, "-", Head}); }
};

/// The architecture of the released weights.
using Released = Architecture<16, 16, 32, 48, 64>;

/// Outputs of the mass head in astronomy's terms: log10(M500c/Msun) = 14.45 + 0.45 y0, sigma = 0.45 exp(y1 / 2) dex.
struct MassScale {
  static constexpr double centre = 14.45, width = 0.45;
};

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
