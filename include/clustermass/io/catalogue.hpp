// SPDX-License-Identifier: BSD-3-Clause
// The catalogue of estimates, written as FITS or CSV with the same columns. One table below says what each column is;
// the frozen names are those of MassEstimate in capitals. Reading lists is list.hpp's. Part of clustermass::fits.
#pragma once

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "clustermass/core/cosmology.hpp"
#include "clustermass/io/csv.hpp"
#include "clustermass/io/fits_writer.hpp"
#include "clustermass/mass_estimate.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// One cluster of a catalogue: what went in and what came out.
struct CatalogueRow {
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();

  std::string id;
  double ra_deg = none, dec_deg = none;  ///< ICRS
  double redshift = none, redshift_error = none, ebv = none;
  MassEstimate mass{};
};

/// Where a catalogue comes from; goes to the first header.
struct CatalogueOrigin {
  std::string catalogue_version;  ///< CM_CAT
  std::string model_id;           ///< CM_MODEL
  std::string training_set;       ///< CM_TRAIN; says "mock" where the network learned on a simulated sky
  std::string weights_sha256;     ///< CM_WSHA
  std::string backend = "cpu";    ///< CM_BACK
  std::string prior;              ///< CM_PRIOR
  std::string input_kind;         ///< CM_INKND: native or resampled
  std::string command;            ///< HISTORY
};

/// A column of numbers of the catalogue: 'D' double, 'E' float, 'J' integer.
struct CatalogueColumn {
  const char *name, *unit, *ucd, *comment;
  char type;
  double (*value)(const CatalogueRow&);
};

/// All columns after ID, in order.
inline constexpr CatalogueColumn catalogue_columns[] = {
    {"RA", "deg", "pos.eq.ra;meta.main", "right ascension, ICRS", 'D', [](const CatalogueRow& r) { return r.ra_deg; }},
    {"DEC", "deg", "pos.eq.dec;meta.main", "declination, ICRS", 'D', [](const CatalogueRow& r) { return r.dec_deg; }},
    {"Z", "", "src.redshift", "redshift used", 'E', [](const CatalogueRow& r) { return r.redshift; }},
    {"Z_ERR", "", "stat.error;src.redshift", "error of the redshift used, 1 sigma", 'E',
     [](const CatalogueRow& r) { return r.redshift_error; }},
    {"LOGM500C", "", "phys.mass;meta.main", "posterior mean of log10(M500c/Msun), h = 0.7", 'E',
     [](const CatalogueRow& r) { return r.mass.log10_m500c; }},
    {"LOGM500C_ERR", "", "stat.stdev;phys.mass", "1 sigma of LOGM500C, dex", 'E',
     [](const CatalogueRow& r) { return r.mass.log10_m500c_error; }},
    {"LOGM500C_LO90", "", "phys.mass;stat.min", "lower end of the 90 % conformal interval, log10(Msun), h = 0.7", 'E',
     [](const CatalogueRow& r) { return r.mass.lo90; }},
    {"LOGM500C_HI90", "", "phys.mass;stat.max", "upper end of the 90 % conformal interval, log10(Msun), h = 0.7", 'E',
     [](const CatalogueRow& r) { return r.mass.hi90; }},
    {"M500C", "solMass", "phys.mass", "10**LOGM500C, h = 0.7", 'E',
     [](const CatalogueRow& r) { return std::pow(10.0, r.mass.log10_m500c); }},
    {"DLOGM_DZ", "", "arith.grad;phys.mass", "response of LOGM500C to the redshift, dex", 'E',
     [](const CatalogueRow& r) { return r.mass.dlogm_dz; }},
    {"OOD", "", "stat.fit.goodness", "distance from the training set over its limit; > 1 is outside", 'E',
     [](const CatalogueRow& r) { return r.mass.ood; }},
    {"COVERAGE", "", "stat.filling", "fraction of the 2 Mpc field inside the images", 'E',
     [](const CatalogueRow& r) { return r.mass.coverage; }},
    {"MASKFRAC", "", "stat.filling", "fraction of the covered field that is masked", 'E',
     [](const CatalogueRow& r) { return r.mass.masked_fraction; }},
    {"EBV", "mag", "phot.color.excess", "E(B-V) used, SFD scale", 'E', [](const CatalogueRow& r) { return r.ebv; }},
    {"FLAGS", "", "meta.code.qual", "quality bits; cards CM_BITn of the first header name them", 'J',
     [](const CatalogueRow& r) { return static_cast<double>(r.mass.flags); }}};

namespace detail {
/// The ids as whole numbers; empty if one of them is no plain whole number (a leading zero would be lost).
inline std::vector<std::int64_t> whole_ids(std::span<const CatalogueRow> rows) {
  std::vector<std::int64_t> ids;
  for (const CatalogueRow& row : rows) {
    std::int64_t value = 0;
    const char *first = row.id.data(), *last = first + row.id.size();
    const auto [end, error] = std::from_chars(first, last, value);
    if (error != std::errc() || end != last || std::to_string(value) != row.id) return {};
    ids.push_back(value);
  }
  return ids;
}

template <class T>
std::string shortest(T value) {
  if (!std::isfinite(value)) return "";
  char text[40];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return error == std::errc() ? std::string(text, end) : std::string();
}
}  // namespace detail

/// Writes the catalogue as FITS: an empty first HDU with the origin, then the table CLUSTERMASS, one row a cluster in
/// the given order; no result is NaN and a flag. Throws InputError; a file that stood there stays as it was.
inline void write_catalogue_fits(const std::string& path, std::span<const CatalogueRow> rows,
                                 const CatalogueOrigin& origin) {
  FitsWriter writer;
  writer.image({}, {});
  const auto without_result =
      std::count_if(rows.begin(), rows.end(), [](const CatalogueRow& r) { return !r.mass.has_result(); });
  const std::vector<FitsCard> cards{
      {"CREATOR", std::string("clustermass " CLUSTERMASS_VERSION_STRING), "program that wrote this file"},
      {"CM_VERS", std::string(CLUSTERMASS_VERSION_STRING), "version of the library"},
      {"CM_CAT", origin.catalogue_version, "version of the catalogue"},
      {"CM_MODEL", origin.model_id, "released network"},
      {"CM_TRAIN", origin.training_set, "training set"},
      {"CM_WSHA", origin.weights_sha256, ""},  // 64 digits fill the card
      {"CM_BACK", origin.backend, "engine"},
      {"CM_MDEF", std::string("500c"), "mass definition: 500 times critical density"},
      {"CM_H", hubble_h, "H0 / (100 km/s/Mpc)"},
      {"CM_OM0", omega_m, "matter density, flat LCDM"},
      {"CM_PRIOR", origin.prior, "prior on the mass"},
      {"CM_INKND", origin.input_kind, "kind of the input pixels"},
      {"CM_NROW", static_cast<std::int64_t>(rows.size()), "rows"},
      {"CM_NBAD", static_cast<std::int64_t>(without_result), "rows without result"}};
  for (const FitsCard& card : cards) writer.card(card);
  for (const flag::Name& bit : flag::names)
    writer.card({"CM_BIT" + std::to_string(std::countr_zero(bit.bit)), std::string(bit.name), "bit of FLAGS"});
  if (!origin.command.empty()) writer.history(origin.command);

  std::vector<FitsTableColumn> columns;
  FitsTableColumn id{"ID", {}, "", "meta.id;meta.main", "identifier from the list"};
  if (std::vector<std::int64_t> ids = detail::whole_ids(rows); ids.size() == rows.size()) {
    id.values = std::move(ids);
  } else {
    std::vector<std::string> names;
    for (const CatalogueRow& row : rows) names.push_back(row.id);
    id.values = std::move(names);
  }
  columns.push_back(std::move(id));
  for (const CatalogueColumn& column : catalogue_columns) {
    FitsTableColumn out{column.name, {}, column.unit, column.ucd, column.comment};
    const auto fill = [&](auto zero) {
      std::vector<decltype(zero)> values;
      for (const CatalogueRow& row : rows) values.push_back(static_cast<decltype(zero)>(column.value(row)));
      out.values = std::move(values);
    };
    if (column.type == 'D') fill(0.0);
    if (column.type == 'E') fill(0.0f);
    if (column.type == 'J') fill(std::int32_t{0});
    columns.push_back(std::move(out));
  }
  writer.table("CLUSTERMASS", columns);
  writer.save(path);
}

/// Writes the same columns as CSV; no number is an empty field, numbers have the digits that give the FITS value back.
inline void write_catalogue_csv(const std::string& path, std::span<const CatalogueRow> rows) {
  std::string text = "ID";
  for (const CatalogueColumn& column : catalogue_columns) text += std::string(",") + column.name;
  text += "\n";
  for (const CatalogueRow& row : rows) {
    text += csv_field(row.id);
    for (const CatalogueColumn& column : catalogue_columns) {
      const double value = column.value(row);
      text += ',';
      if (column.type == 'D') text += detail::shortest(value);
      if (column.type == 'E') text += detail::shortest(static_cast<float>(value));
      if (column.type == 'J') text += std::to_string(static_cast<std::int64_t>(value));
    }
    text += "\n";
  }
  detail::write_target(path, text);
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
