// SPDX-License-Identifier: BSD-3-Clause
// The catalogue of estimates, FITS and CSV: same columns, same numbers, units, UCDs, where it comes from.
#include "clustermass/io/catalogue.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "clustermass/io/fits_reader.hpp"
#include "clustermass/io/list.hpp"
#include "fits_fixtures.hpp"

using namespace clustermass;
using namespace fits_test;

namespace {
std::vector<CatalogueRow> rows() {
  CatalogueRow good;
  good.id = "17";
  good.ra_deg = 200.50999123456789;
  good.dec_deg = 36.73089;
  good.redshift = 0.1802;
  good.redshift_error = 0.01;
  good.ebv = 0.02;
  good.mass = {14.3, 0.17, 14.0, 14.6, -0.4, 0.7, 0.55, 0.03, flag::edge | flag::low_coverage};
  CatalogueRow bad;
  bad.id = "-4";
  bad.mass.flags = flag::z_missing | flag::no_result;
  return {good, bad, good};
}
CatalogueOrigin origin() {
  return {"1",   "cm-test-mock", "mock sky A", std::string(64, 'a'),
          "cpu", "log-uniform",  "native",     "clustermass_estimate LIST -o OUT.fits " + std::string(200, 'x')};
}
}  // namespace

TEST_CASE("the FITS catalogue has one row a cluster in order, with units, UCDs and its origin") {
  const TemporaryFolder folder;
  write_catalogue_fits(folder.file("c.fits"), rows(), origin());
  FitsFile file(folder.file("c.fits"));
  REQUIRE(file.hdu_count() == 2);
  CHECK(file.extents().empty());
  CHECK(file.get_string("CREATOR") == "clustermass " CLUSTERMASS_VERSION_STRING);
  CHECK(file.get_string("CM_WSHA") == std::string(64, 'a'));
  CHECK(file.get_string("CM_TRAIN") == "mock sky A");
  CHECK(file.get_string("CM_MDEF") == "500c");
  CHECK(file.get_double("CM_H") == 0.7);
  CHECK(file.get_double("CM_OM0") == 0.3);
  CHECK(file.get_int("CM_NROW") == 3);
  CHECK(file.get_int("CM_NBAD") == 1);
  for (const char* key : {"CM_VERS", "CM_CAT", "CM_MODEL", "CM_BACK", "CM_PRIOR", "CM_INKND", "DATE", "CHECKSUM"})
    CHECK(file.find_string(key));
  CHECK(file.get_string("CM_BIT0") == "EDGE");
  CHECK(file.get_string("CM_BIT30") == "NO_RESULT");
  file.go_to(1);
  CHECK(file.name() == "CLUSTERMASS");
  for (const std::string& key : file.keys()) CHECK(key != "CONTINUE");  // readers of TCOMM do not all know it
  const std::vector<std::string> names{
      "ID",    "RA",       "DEC", "Z",        "Z_ERR",    "LOGM500C", "LOGM500C_ERR", "LOGM500C_LO90", "LOGM500C_HI90",
      "M500C", "DLOGM_DZ", "OOD", "COVERAGE", "MASKFRAC", "EBV",      "FLAGS"};
  CHECK(file.column_names() == names);
  REQUIRE(file.row_count() == 3);
  CHECK(file.read_column<std::int64_t>("ID").values == std::vector<std::int64_t>{17, -4, 17});
  CHECK(file.read_column<double>("RA").values[0] == 200.50999123456789);
  CHECK(file.read_column<float>("LOGM500C").values[0] == 14.3f);
  CHECK(file.read_column<float>("M500C").values[0] == doctest::Approx(std::pow(10, 14.3)).epsilon(1e-6));
  CHECK(file.read_column<float>("COVERAGE").values[2] == 0.55f);
  CHECK(file.read_column<std::int32_t>("FLAGS").values ==
        std::vector<std::int32_t>{1 | 1 << 10, 1 << 13 | 1 << 30, 1 | 1 << 10});
  for (const char* name : {"RA", "Z", "LOGM500C", "LOGM500C_LO90", "M500C", "OOD"})
    CHECK(std::isnan(file.read_column<double>(name).values[1]));
  CHECK(file.get_string("TUNIT2") == "deg");
  CHECK(file.get_string("TUNIT10") == "solMass");
  CHECK_FALSE(file.find_string("TUNIT6"));  // log columns have no unit: readers reject what could be written
  for (std::size_t k = 1; k <= names.size(); ++k) {
    CHECK(file.find_string("TUCD" + std::to_string(k)));
    CHECK(file.find_string("TCOMM" + std::to_string(k)));
  }
  CHECK(file.get_string("TUCD6") == "phys.mass;meta.main");
  CHECK(mentions(file.get_string("TCOMM6"), "log10(M500c/Msun), h = 0.7"));
}

TEST_CASE("ids that are no whole numbers stay text, a leading zero too") {
  const TemporaryFolder folder;
  auto list = rows();
  for (const char* id : {"007", "Abell 2142", "99999999999999999999", "", "+5"}) {
    list[1].id = id;
    write_catalogue_fits(folder.file("c.fits"), list, origin());
    FitsFile file(folder.file("c.fits"));
    file.go_to(1);
    CHECK(file.read_text_column("ID") == std::vector<std::string>{"17", id, "17"});
  }
}

TEST_CASE("the CSV catalogue holds the numbers of the FITS one, and reads back as a list") {
  const TemporaryFolder folder;
  auto list = rows();
  list[0].id = "a \"quoted\", id";
  write_catalogue_csv(folder.file("c.csv"), list);
  write_catalogue_fits(folder.file("c.fits"), list, origin());
  const std::vector<char> bytes = read_bytes(folder.file("c.csv"));
  CsvReader reader(std::string_view(bytes.data(), bytes.size()), "c.csv");
  FitsFile file(folder.file("c.fits"));
  file.go_to(1);
  CsvRow row;
  REQUIRE(reader.next(row));
  CHECK(row.fields == file.column_names());
  for (std::size_t k = 0; k < 3; ++k) {
    REQUIRE(reader.next(row));
    CHECK(row.fields[0] == list[k].id);
    for (std::size_t c = 1; c < row.fields.size(); ++c) {
      const double value = file.read_column<double>(file.column_names()[c]).values[k];
      if (row.fields[c].empty())
        CHECK(std::isnan(value));
      else if (c < 3)
        CHECK(std::stod(row.fields[c]) == value);
      else
        CHECK(static_cast<float>(std::stod(row.fields[c])) == static_cast<float>(value));
    }
  }
  CHECK_FALSE(reader.next(row));
  const auto back = read_list(folder.file("c.csv"));
  REQUIRE(back.size() == 3);
  CHECK(back[0].id == list[0].id);
  CHECK(back[0].ra_deg == list[0].ra_deg);
  CHECK(back[0].redshift == doctest::Approx(0.1802).epsilon(1e-7));
  CHECK(read_list(folder.file("c.fits")).size() == 3);
}

TEST_CASE("an empty catalogue and a full disk are no surprise") {
  const TemporaryFolder folder;
  write_catalogue_fits(folder.file("c.fits"), {}, {});
  FitsFile file(folder.file("c.fits"));
  CHECK(file.get_int("CM_NROW") == 0);
  file.go_to(1);
  CHECK(file.row_count() == 0);
  if (std::filesystem::exists("/dev/full"))
    CHECK(mentions(input_error([] { write_catalogue_csv("/dev/full", rows()); }), "cannot write the file"));
}
