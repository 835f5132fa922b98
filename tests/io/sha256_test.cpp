// SPDX-License-Identifier: BSD-3-Clause
// SHA-256 against the examples of FIPS 180-4 and against Python's hashlib at every length around a block's end.
#include "clustermass/io/sha256.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {
std::string digest(const std::string& text) { return clustermass::sha256_hex(std::as_bytes(std::span(text))); }
}  // namespace

TEST_CASE("SHA-256 gives the digests of the FIPS examples") {
  CHECK(digest("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(digest("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
               "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu") ==
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  CHECK(digest(std::string(1000000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256 is right at every length from 0 to 200") {
  // The digest of all 201 digests, of the bytes 0, 1, 2, ... (7 k mod 256): hashlib's, by
  // python3 -c "import hashlib as h; print(h.sha256(''.join(h.sha256(bytes(7*k%256 for k in range(n))).hexdigest()
  //             for n in range(201)).encode()).hexdigest())"
  std::string text, all;
  for (int n = 0; n <= 200; ++n) {
    all += digest(text);
    text += static_cast<char>(7 * n % 256);
  }
  CHECK(digest(all) == "020088e9c26b95faf20594b4a5301fc5493cad4e2e0e002a0233825ae81dbd5f");
}
