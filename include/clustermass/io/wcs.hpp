// SPDX-License-Identifier: BSD-3-Clause
// Pixels to sky and back for the gnomonic projection (RA---TAN, DEC--TAN) with any linear part, as SDSS frames have it.
// Other projections and distortions (SIP, TPV) are refused by name. Part of clustermass::fits.
//
// Everything is done with unit vectors, so RA 0/360 and the poles are no special places. Letters: r the direction of
// the reference point, e and n the unit vectors east and north of it; xi, eta offsets in its tangent plane [radian].
// Source: Calabretta & Greisen 2002, A&A 395, 1077, sec. 5.1.3.
#pragma once

#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>
#include <vector>

#include "clustermass/cutout.hpp"  // AffineMap
#include "clustermass/io/fits.hpp"

namespace clustermass::inline CLUSTERMASS_CODE_TAG {

/// A position on the sky, ICRS [deg].
struct SkyPosition {
  double ra_deg = 0, dec_deg = 0;
};

/// A position on an image: x counts columns and y rows, from 0 at the centre of the first pixel (FITS pixel (1,1)).
struct PixelPosition {
  double x = 0, y = 0;
};

namespace detail {
using Vector3 = std::array<double, 3>;

constexpr double dot(const Vector3& a, const Vector3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/// Direction of a position and the unit vectors east and north of it.
struct SkyFrame {
  Vector3 r, e, n;

  explicit SkyFrame(SkyPosition position) {
    const double a = position.ra_deg * std::numbers::pi / 180, d = position.dec_deg * std::numbers::pi / 180;
    r = {std::cos(d) * std::cos(a), std::cos(d) * std::sin(a), std::sin(d)};
    e = {-std::sin(a), std::cos(a), 0};
    n = {-std::sin(d) * std::cos(a), -std::sin(d) * std::sin(a), std::cos(d)};
  }
};
}  // namespace detail

/// Angle between two positions. [arcsec]
inline double separation_arcsec(SkyPosition a, SkyPosition b) {
  const detail::SkyFrame frame(a);
  const detail::Vector3 p = detail::SkyFrame(b).r;
  return std::atan2(std::hypot(detail::dot(p, frame.e), detail::dot(p, frame.n)), detail::dot(p, frame.r)) * 180 /
         std::numbers::pi * 3600;
}

/// A gnomonic world coordinate system: what CRVAL, CRPIX and the CD matrix say.
struct Wcs {
  SkyPosition reference{};                    ///< CRVAL [deg]
  PixelPosition reference_pixel{};            ///< CRPIX - 1
  std::array<std::array<double, 2>, 2> cd{};  ///< [deg per pixel], rows east and north, columns x and y

  SkyPosition pixel_to_sky(PixelPosition pixel) const {
    const detail::Vector3 p = direction(pixel);
    const double ra = std::atan2(p[1], p[0]) * 180 / std::numbers::pi;
    return {ra < 0 ? ra + 360 : ra, std::atan2(p[2], std::hypot(p[0], p[1])) * 180 / std::numbers::pi};
  }

  /// Nothing if the position lies 90 degrees or more from the reference point, where the projection has no image.
  std::optional<PixelPosition> sky_to_pixel(SkyPosition position) const {
    const detail::SkyFrame frame(reference);
    const detail::Vector3 p = detail::SkyFrame(position).r;
    const double depth = detail::dot(p, frame.r);
    if (!(depth > 1e-6)) return std::nullopt;
    const double east = detail::dot(p, frame.e) / depth * 180 / std::numbers::pi;
    const double north = detail::dot(p, frame.n) / depth * 180 / std::numbers::pi;
    const double inverse = 1 / determinant();
    return PixelPosition{reference_pixel.x + (cd[1][1] * east - cd[0][1] * north) * inverse,
                         reference_pixel.y + (cd[0][0] * north - cd[1][0] * east) * inverse};
  }

  double determinant() const { return cd[0][0] * cd[1][1] - cd[0][1] * cd[1][0]; }

  /// The same sky on an image that begins x0 columns and y0 rows later.
  Wcs shifted(double x0, double y0) const {
    Wcs result = *this;
    result.reference_pixel.x -= x0;
    result.reference_pixel.y -= y0;
    return result;
  }

  /// Pixels to arcsec east and north in the plane tangent at a position: the exact map (a homography), made linear at
  /// that position. At distance t from the position, on an image whose reference point is d away, the linear map is off
  /// by about d t^2: at most 0.007 arcsec for t = 9 arcmin, d = 0.2 deg, a frame's corner.
  /// Nothing if the position has no image.
  std::optional<AffineMap> local_map(SkyPosition position) const {
    const std::optional<PixelPosition> centre = sky_to_pixel(position);
    if (!centre) return std::nullopt;
    // p = r + xi e + eta n is not a unit vector; the offsets at the position are (p.e', p.n') / (p.r'), and there
    // p.e' = p.n' = 0, so their derivatives are those of the numerators over |p|.
    const detail::SkyFrame here(reference), there(position);
    const detail::Vector3 p = direction(*centre);
    const double length = std::sqrt(detail::dot(p, p));
    AffineMap map;
    map.centre_x = centre->x;
    map.centre_y = centre->y;
    const std::array<const detail::Vector3*, 2> axes{&there.e, &there.n};
    for (std::size_t row = 0; row < 2; ++row)
      for (std::size_t column = 0; column < 2; ++column)
        map.arcsec_per_pixel[row][column] =
            3600 / length *
            (cd[0][column] * detail::dot(here.e, *axes[row]) + cd[1][column] * detail::dot(here.n, *axes[row]));
    return map;
  }

 private:
  /// r + xi e + eta n: points at the pixel, longer than 1.
  detail::Vector3 direction(PixelPosition pixel) const {
    const detail::SkyFrame frame(reference);
    const double dx = pixel.x - reference_pixel.x, dy = pixel.y - reference_pixel.y;
    const double xi = (cd[0][0] * dx + cd[0][1] * dy) * std::numbers::pi / 180;
    const double eta = (cd[1][0] * dx + cd[1][1] * dy) * std::numbers::pi / 180;
    detail::Vector3 p{};
    for (std::size_t k = 0; k < 3; ++k) p[k] = frame.r[k] + xi * frame.e[k] + eta * frame.n[k];
    return p;
  }
};

/// The WCS of the current HDU; nothing if it has no CTYPE1.
/// Throws InputError for another projection or system, naming file and CTYPE, and for a singular or missing linear
/// part.
inline std::optional<Wcs> find_wcs(const FitsFile& file) {
  const std::optional<std::string> type_1 = file.find_string("CTYPE1"), type_2 = file.find_string("CTYPE2");
  if (!type_1) return std::nullopt;
  const bool swapped = type_1 == "DEC--TAN" && type_2 == "RA---TAN";
  if (!swapped && !(type_1 == "RA---TAN" && type_2 == "DEC--TAN"))
    file.fail("CTYPE1 = '" + *type_1 + "', CTYPE2 = '" + type_2.value_or("") +
              "'; expected RA---TAN and DEC--TAN without distortion: resample the image to that projection first");
  for (const char* key : {"CUNIT1", "CUNIT2"})
    if (const auto unit = file.find_string(key); unit && !unit->empty() && !detail::same_name(*unit, "deg"))
      file.fail(std::string(key) + " = '" + *unit + "', expected 'deg'");
  for (const char* key : {"PV1_1", "PV2_1", "A_ORDER", "B_ORDER"})
    if (file.find_double(key)) file.fail(std::string("keyword ") + key + " announces a distortion, which is not read");
  if (file.find_double("EQUINOX").value_or(2000) != 2000) file.fail("EQUINOX is expected to be 2000 or absent");

  // rows and columns as in the file: axis i, pixel j
  double matrix[2][2] = {};
  bool has_cd = false, has_pc = false;
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j) {
      const std::string suffix = std::to_string(i + 1) + "_" + std::to_string(j + 1);
      has_cd = has_cd || file.find_double("CD" + suffix);
      has_pc = has_pc || file.find_double("PC" + suffix);
    }
  const double rotation = file.find_double("CROTA2").value_or(0) * std::numbers::pi / 180;
  for (int i = 0; i < 2; ++i) {
    const double scale = has_cd ? 1 : file.get_double("CDELT" + std::to_string(i + 1));
    for (int j = 0; j < 2; ++j) {
      const std::string suffix = std::to_string(i + 1) + "_" + std::to_string(j + 1);
      const double unit = i == j ? 1 : 0;
      if (has_cd)
        matrix[i][j] = file.find_double("CD" + suffix).value_or(0);
      else if (has_pc)
        matrix[i][j] = scale * file.find_double("PC" + suffix).value_or(unit);
      else  // the older convention: x' = cos d1 x - sin d2 y, y' = sin d1 x + cos d2 y
        matrix[i][j] = file.get_double("CDELT" + std::to_string(j + 1)) *
                       (i == j ? std::cos(rotation) : (i == 0 ? -std::sin(rotation) : std::sin(rotation)));
    }
  }
  Wcs wcs;
  const std::size_t ra = swapped ? 1 : 0, dec = 1 - ra;
  for (std::size_t j = 0; j < 2; ++j) {
    wcs.cd[0][j] = matrix[ra][j];
    wcs.cd[1][j] = matrix[dec][j];
  }
  wcs.reference = {file.get_double(ra == 0 ? "CRVAL1" : "CRVAL2"), file.get_double(dec == 0 ? "CRVAL1" : "CRVAL2")};
  wcs.reference_pixel = {file.get_double("CRPIX1") - 1, file.get_double("CRPIX2") - 1};
  // LONPOLE is 180 by default, but 0 for a reference point at the pole, which turns the image upside down
  const double lonpole = file.find_double("LONPOLE").value_or(wcs.reference.dec_deg >= 90 ? 0 : 180);
  if (lonpole != 0 && lonpole != 180) file.fail("LONPOLE is expected to be 0, 180 or absent");
  if (lonpole == 0)
    for (auto& row : wcs.cd)
      for (double& value : row) value = -value;
  const double determinant = wcs.determinant();
  if (!(std::abs(determinant) > 1e-18 && std::abs(determinant) < 1) || !(std::abs(wcs.reference.dec_deg) <= 90) ||
      !std::isfinite(wcs.reference.ra_deg) || !std::isfinite(wcs.reference_pixel.x + wcs.reference_pixel.y))
    file.fail("CD, CRVAL and CRPIX do not describe an image of the sky (determinant " + std::to_string(determinant) +
              ")");
  return wcs;
}

/// The header cards that find_wcs reads back, bit by bit.
inline std::vector<FitsCard> wcs_cards(const Wcs& wcs) {
  return {{"RADESYS", std::string("ICRS"), "International Celestial Reference System"},
          {"EQUINOX", 2000.0, ""},
          {"CTYPE1", std::string("RA---TAN"), "gnomonic projection"},
          {"CTYPE2", std::string("DEC--TAN"), ""},
          {"CUNIT1", std::string("deg"), ""},
          {"CUNIT2", std::string("deg"), ""},
          {"CRPIX1", wcs.reference_pixel.x + 1, "X of reference pixel"},
          {"CRPIX2", wcs.reference_pixel.y + 1, "Y of reference pixel"},
          {"CRVAL1", wcs.reference.ra_deg, "RA of reference pixel (deg)"},
          {"CRVAL2", wcs.reference.dec_deg, "Dec of reference pixel (deg)"},
          {"LONPOLE", 180.0, ""},
          {"CD1_1", wcs.cd[0][0], "RA deg per column pixel"},
          {"CD1_2", wcs.cd[0][1], "RA deg per row pixel"},
          {"CD2_1", wcs.cd[1][0], "Dec deg per column pixel"},
          {"CD2_2", wcs.cd[1][1], "Dec deg per row pixel"}};
}

}  // namespace clustermass::inline CLUSTERMASS_CODE_TAG
