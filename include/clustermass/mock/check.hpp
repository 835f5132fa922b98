// SPDX-License-Identifier: BSD-3-Clause
// Refuses parameters of a sky that no sky can have, by name, before anything is drawn.
#pragma once

#include <locale>
#include <sstream>
#include <string>

#include "clustermass/core/error.hpp"
#include "clustermass/mock/parameter_table.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock {

namespace parameter_check {
inline std::string text(double value) {
  std::ostringstream stream;
  stream.imbue(std::locale::classic());
  stream << value;
  return stream.str();
}
template <class Table, class Parameters>
void check_ranges(const Table& table, const Parameters& parameters) {
  for (const auto& field : table)
    for (const double value : field.values(parameters))
      if (!(value >= field.low && value <= field.high))
        detail::raise<InputError>(std::string("sky parameters: expected ") + field.name + " in [" + text(field.low) +
                                  ", " + text(field.high) + "], found " + text(value));
}

inline void check_order(const char* low_name, double low, const char* high_name, double high) {
  if (low > high)
    detail::raise<InputError>(std::string("sky parameters: ") + low_name + " = " + text(low) + " lies above " +
                              high_name + " = " + text(high));
}
}  // namespace parameter_check

/// Throws InputError, with the name of the parameter, its range and what was found, if a number is not finite or no sky
/// can have it: a negative rate or width, a share above 1, a mass or redshift outside the tables, limits crossed.
inline void check(const SkyParameters& sky) {
  namespace list = parameter_check;
  list::check_ranges(parameter_table(), sky);
  list::check_ranges(accuracy_table(), sky.accuracy);
  list::check_order("log10_m500c_min", sky.log10_m500c_min, "log10_m500c_max", sky.log10_m500c_max);
  list::check_order("redshift_min", sky.redshift_min, "redshift_max", sky.redshift_max);
  list::check_order("axis_ratio_min", sky.axis_ratio_min, "axis_ratio_max", sky.axis_ratio_max);
  list::check_order("projection_min", sky.projection_min, "projection_max", sky.projection_max);
  list::check_order("field_bright_limit", sky.field_bright_limit, "field_faint_limit", sky.field_faint_limit);
  list::check_order("clump_redshift_min", sky.clump_redshift_min, "clump_redshift_max", sky.clump_redshift_max);
  list::check_order("galactic_longitude_min_deg", sky.galactic_longitude_min_deg, "galactic_longitude_max_deg",
                    sky.galactic_longitude_max_deg);
  list::check_order("star_bright_limit_v", sky.star_bright_limit_v, "star_faint_limit_v", sky.star_faint_limit_v);
  if (sky.clump_min < 1 || sky.clump_max < sky.clump_min || sky.clump_max > 10000)
    detail::raise<InputError>(
        "sky parameters: expected clumps of 1 <= clump_min <= clump_max <= 10000 galaxies, found " +
        std::to_string(sky.clump_min) + " and " + std::to_string(sky.clump_max));
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG::mock
