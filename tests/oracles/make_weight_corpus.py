#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes tests/fuzz/corpus/weight_file: small weight files that are right, and for every rule of the reader files that
break it. Needs no package. What the reader answers to each is listed in tests/io/weight_file_test.cpp, which also makes
the two that would be large: too many tensors, too many values.

    python3 tests/oracles/make_weight_corpus.py
"""
import json
import pathlib
import shutil
import struct

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "fuzz" / "corpus" / "weight_file"
NAN = b"\x00\x00\xc0\x7f"

WEIGHT = struct.pack("<6f", 1, -2, 3, 0.5, -0.25, 1e-3)
BIAS = struct.pack("<2f", 7, 8)


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def good_header():
    return {
        "__metadata__": {"format": "clustermass", "note": "\u00e9 \U0001d11e \"\\\n"},
        "conv.bias": entry("F32", [2], 0, 8),
        "conv.weight": entry("F32", [2, 3], 8, 32),
    }


DATA = BIAS + WEIGHT


def text(header):
    """The header as JSON, padded with spaces to a multiple of 8."""
    raw = (header if isinstance(header, str) else json.dumps(header, separators=(",", ":"))).encode()
    return raw + b" " * (-len(raw) % 8)


def pack(header, data=DATA):
    raw = header if isinstance(header, bytes) else text(header)
    return struct.pack("<Q", len(raw)) + raw + data


def changed(**changes):
    """The good header with the entry of conv.weight changed."""
    header = good_header()
    header["conv.weight"].update(changes)
    return header


def replaced(old, new):
    """The text of the good header with one piece replaced."""
    raw = json.dumps(good_header(), separators=(",", ":"))
    assert raw.count(old) == 1, old
    return raw.replace(old, new)


def without(key):
    header = good_header()
    del header["conv.weight"][key]
    return header


def main():
    good = pack(good_header())
    plain = json.dumps(good_header(), separators=(",", ":"))
    files = {
        # right
        "good": good,
        "good_empty": pack("{}", b""),
        "good_scalar_and_zero_extent": pack({"scalar": entry("F32", [], 0, 4), "none": entry("F32", [3, 0], 4, 4)}, BIAS[:4]),
        "good_16_bit": pack({"b": entry("BF16", [2], 0, 4), "h": entry("F16", [3], 4, 10)},
                            struct.pack("<2H3H", 0x3F80, 0xC049, 0x3C00, 0x0001, 0xFBFF)),
        "good_unaligned": pack((plain + " " * ((-len(plain)) % 8 + 3)).encode()),
        "good_any_order": pack({"b": entry("F32", [1], 8, 12), "a": entry("F32", [2], 0, 8)}, BIAS + WEIGHT[:4]),
        "good_other_types": pack({"ids": entry("I64", [1], 0, 8), "packed": entry("F4", [2, 4], 8, 12),
                                  "six": entry("F6_E2M3", [4], 12, 15), "flag": entry("BOOL", [1], 15, 16)},
                                 b"\x01" * 16),
        # 1 size and header length
        "rule1_nine_bytes": good[:9],
        "rule1_length_below_two": struct.pack("<Q", 1) + b"{}",
        "rule1_length_above_limit": struct.pack("<Q", (1 << 20) + 1) + b"{}" + b" " * 64,
        "rule1_length_near_2_64": struct.pack("<Q", (1 << 64) - 4) + b"{}" + b" " * 64,
        "rule1_length_beyond_file": good[:40],
        # 2 UTF-8, braces, padding
        "rule2_not_utf8": pack(text(good_header()).replace(b"clustermass", b"cluster\xffass")),
        "rule2_utf8_overlong": pack(text(good_header()).replace(b"clustermass", b"cluster\xc0\xafss")),
        "rule2_utf8_surrogate": pack(text(good_header()).replace(b"clustermass", b"clust\xed\xa0\x80ass")),
        "rule2_leading_space": pack((" " + plain).encode()),
        "rule2_array": pack("[]", b""),
        "rule2_newline_after_brace": pack((plain + "\n").encode()),
        "rule2_zero_padding": pack(plain.encode() + b"\0\0\0"),
        # 3 strict JSON
        "rule3_too_deep": pack(replaced("[2,3]", "[[2],3]")),
        "rule3_very_deep": pack('{"a":' + "[" * 5000 + "]" * 5000 + "}", b""),
        "rule3_duplicate_tensor": pack(replaced('"conv.weight"', '"conv.bias"')),
        "rule3_duplicate_by_escape": pack(replaced('"conv.weight"', '"conv.bia\\u0073"')),
        "rule3_duplicate_inner_key": pack(replaced('"shape":[2,3]', '"shape":[2,3],"shape":[2,3]')),
        "rule3_duplicate_metadata_key": pack(replaced('"note"', '"format"')),
        "rule3_minus_zero": pack(replaced("[0,8]", "[-0,8]")),
        "rule3_negative_extent": pack(replaced("[2,3]", "[-2,-3]")),
        "rule3_exponent": pack(replaced("[2,3]", "[2,3e0]")),
        "rule3_fraction": pack(replaced("[2,3]", "[2,3.0]")),
        "rule3_above_2_48": pack(replaced("[2,3]", "[2,281474976710656]")),
        "rule3_huge_digits": pack(replaced("[2,3]", "[2," + "9" * 400 + "]")),
        "rule3_leading_zero": pack(replaced("[2,3]", "[2,03]")),
        "rule3_null": pack(replaced("[2,3]", "null")),
        "rule3_trailing_comma": pack(replaced("[2,3]", "[2,3,]")),
        "rule3_lone_surrogate": pack(replaced("clustermass", "\\ud834x")),
        "rule3_control_character": pack(replaced("clustermass", "cluster\tmass")),
        "rule3_unclosed": pack('{"a":{"dtype":"F32"}', b""),
        # 4 entries
        "rule4_metadata_number": pack(replaced('"clustermass"', "1")),
        "rule4_metadata_array": pack({"__metadata__": []}, b""),
        "rule4_entry_not_object": pack({"conv.weight": "F32"}, b""),
        "rule4_unknown_key": pack(changed(strides=[3, 1])),
        "rule4_no_dtype": pack(without("dtype")),
        "rule4_no_shape": pack(without("shape")),
        "rule4_no_offsets": pack(without("data_offsets")),
        "rule4_three_offsets": pack(changed(data_offsets=[8, 32, 32])),
        "rule4_shape_of_strings": pack(changed(shape=["2", "3"])),
        # 5 dtype, rank, product
        "rule5_unknown_dtype": pack(changed(dtype="F33")),
        "rule5_integer_parameter": pack(changed(dtype="I32")),
        "rule5_rank_nine": pack(changed(shape=[2, 3] + [1] * 7)),
        "rule5_product_overflow": pack(changed(shape=[1 << 32, 1 << 32, 1 << 2])),
        "rule5_product_overflow_before_zero": pack(changed(shape=[1 << 40, 1 << 40, 0])),
        # 6 offsets
        "rule6_begin_after_end": pack(changed(data_offsets=[32, 8])),
        "rule6_end_outside": pack(changed(data_offsets=[8, 40])),
        "rule6_end_far_outside": pack(changed(shape=[1 << 46], data_offsets=[8, (1 << 48) - 1])),
        "rule6_wrong_size": pack(changed(shape=[2, 2])),
        "rule6_half_a_byte": pack({"a": entry("F4", [3], 0, 1)}, b"\1"),
        "rule6_data_cut_short": good[:-5],
        # 7 no hole, overlap or rest
        "rule7_first_not_at_zero": pack({"conv.bias": entry("F32", [2], 4, 12)}, b"\0" * 4 + BIAS),
        "rule7_hole": pack({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 12, 20)}, b"\0" * 20),
        "rule7_overlap": pack({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 4, 12)}, b"\0" * 12),
        "rule7_same_bytes_twice": pack({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 0, 8)}, BIAS),
        "rule7_trailing_bytes": good + b"\0",
        # 8 names, shapes, finite values (the header is right)
        "rule8_missing": pack({"conv.weight": entry("F32", [2, 3], 0, 24)}, WEIGHT),
        "rule8_extra": pack({**good_header(), "conv.\u0001": entry("F32", [1], 32, 36)}, DATA + BIAS[:4]),
        "rule8_transposed": pack(changed(shape=[3, 2])),
        "rule8_nan": pack(good_header(), BIAS + WEIGHT[:8] + NAN + WEIGHT[12:]),
        "rule8_infinite": pack(good_header(), BIAS[:4] + b"\x00\x00\x80\xff" + WEIGHT),
        "rule8_infinite_f16": pack({"conv.bias": entry("F16", [2], 0, 4)}, struct.pack("<2H", 0, 0x7C00)),
        "rule8_nan_bf16": pack({"conv.bias": entry("BF16", [2], 0, 4)}, struct.pack("<2H", 0xFF81, 0)),
    }
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    FOLDER.mkdir(parents=True)
    for name, content in files.items():
        (FOLDER / f"{name}.safetensors").write_bytes(content)
    print(f"{len(files)} files, {sum(map(len, files.values()))} bytes in {FOLDER}")


if __name__ == "__main__":
    main()
