// SPDX-License-Identifier: BSD-3-Clause
// Equal areas of the sky, to cut a list into folds that no cluster crosses.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::train {

/// HEALPix pixel of a position in the ring scheme, 0 to 12 nside^2 - 1. [degrees]
///
/// Source  Gorski et al. 2005, ApJ 622, 759, sec. 4.1
inline std::uint64_t healpix_ring(double longitude_deg, double latitude_deg, int nside) {
  const double z = std::sin(latitude_deg * std::numbers::pi / 180), height = std::fabs(z), n = nside;
  double quarter = std::fmod(longitude_deg, 360.0) / 90;  // longitude in right angles, [0, 4)
  if (quarter < 0) quarter += 4;
  if (quarter >= 4) quarter = 0;
  const auto pixels = static_cast<std::int64_t>(12) * nside * nside;
  if (height <= 2.0 / 3) {
    const auto up = static_cast<std::int64_t>(std::floor(n * (0.5 + quarter - 0.75 * z)));
    const auto down = static_cast<std::int64_t>(std::floor(n * (0.5 + quarter + 0.75 * z)));
    const std::int64_t ring = nside + 1 + up - down, around = 4 * nside;  // rings from z = 2/3 down
    const std::int64_t place = (up + down - nside + (ring % 2 == 0 ? 1 : 0) + 1) / 2;
    return static_cast<std::uint64_t>(2 * static_cast<std::int64_t>(nside) * (nside - 1) + around * (ring - 1) +
                                      (place % around + around) % around);
  }
  const double part = quarter - std::floor(quarter), reach = n * std::sqrt(3 * (1 - height));
  const auto ring = static_cast<std::int64_t>(std::floor(part * reach)) +
                    static_cast<std::int64_t>(std::floor((1 - part) * reach)) + 1;  // from the nearer pole
  const std::int64_t place = static_cast<std::int64_t>(std::floor(quarter * static_cast<double>(ring))) % (4 * ring);
  return static_cast<std::uint64_t>(z > 0 ? 2 * ring * (ring - 1) + place : pixels - 2 * ring * (ring + 1) + place);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::train
