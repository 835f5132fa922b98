// SPDX-License-Identifier: BSD-3-Clause
// PNG files through libpng's simple interface: 8-bit RGB, in memory. Nothing is read.
#pragma once

#include <png.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "clustermass/core/error.hpp"

namespace tool {

/// The bytes of a PNG file. rgb: [height,width,3], row 0 at the top. Throws clustermass::InputError.
inline std::vector<std::byte> encode_png(int width, int height, std::span<const std::uint8_t> rgb) {
  if (width < 1 || height < 1 || rgb.size() != static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3)
    throw clustermass::InputError("an RGB image of " + std::to_string(width) + " x " + std::to_string(height) +
                                  " pixels was announced, but " + std::to_string(rgb.size()) + " bytes were given");
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<std::byte> bytes(size);
  if (!png_image_write_to_memory(&image, bytes.data(), &size, 0, rgb.data(), 0, nullptr))
    throw clustermass::InputError(std::string("the PNG image cannot be made: ") + image.message);
  bytes.resize(size);
  return bytes;
}

}  // namespace tool
