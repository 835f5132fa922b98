# SPDX-License-Identifier: BSD-3-Clause
"""Participants that are compiled libraries with the interface of rivals/peer.h, this library among them."""
import ctypes

import numpy


class PeerInput(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("images", "coverage", "regions", "context")]


class Library:
    def __init__(self, path):
        self.calls = calls = ctypes.CDLL(str(path))
        calls.peer_open.restype = ctypes.c_void_p
        calls.peer_open.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.c_char_p]
        calls.peer_run.argtypes = [ctypes.c_void_p, ctypes.POINTER(PeerInput), ctypes.c_void_p]
        calls.peer_run.restype = None
        calls.peer_error.restype = calls.peer_version.restype = ctypes.c_char_p
        self.version = calls.peer_version().decode()

    def error(self):
        return self.calls.peer_error().decode()

    def open(self, weights, n, threads, setting=""):
        """A function that takes the inputs of n cutouts and gives outputs [n,heads,2], always the same array."""
        handle = self.calls.peer_open(str(weights.path).encode(), n, threads, setting.encode())
        if not handle:
            raise RuntimeError(self.error())
        output = numpy.zeros((n, weights.heads, 2), numpy.float32)
        at, run = output.ctypes.data, self.calls.peer_run

        def bind(data):
            """Everything but the call itself happens here."""
            pointers = PeerInput(*(data[name].ctypes.data for name, _ in PeerInput._fields_))
            reference = ctypes.byref(pointers)

            def call():
                run(handle, reference, at)
                return output

            call.keeps = (data, pointers)
            return call

        return bind
