// SPDX-License-Identifier: BSD-3-Clause
// Who falls into which bin of a number, for tables by redshift, mass, coverage.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "clustermass/version.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats {

/// [low, high), the last bin of a row of bins with its upper end.
struct Bin {
  double low = 0, high = 0;
};

struct BinMembers {
  Bin bin;
  std::vector<std::size_t> members;  ///< positions in the sample, rising
};

/// One row of members for each pair of neighbouring edges. A value outside all of them, or NaN, is in none.
inline std::vector<BinMembers> bin_members(std::span<const double> values, std::span<const double> edges) {
  std::vector<BinMembers> bins;
  for (std::size_t j = 0; j + 1 < edges.size(); ++j) {
    BinMembers row{{edges[j], edges[j + 1]}, {}};
    const bool last = j + 2 == edges.size();
    for (std::size_t k = 0; k < values.size(); ++k)
      if (values[k] >= row.bin.low && (values[k] < row.bin.high || (last && values[k] == row.bin.high)))
        row.members.push_back(k);
    bins.push_back(std::move(row));
  }
  return bins;
}

/// The members of a sample at these positions.
template <class T>
std::vector<T> take(std::span<const T> sample, std::span<const std::size_t> members) {
  std::vector<T> result;
  result.reserve(members.size());
  for (const std::size_t k : members) result.push_back(sample[k]);
  return result;
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::stats
