"""Tests of :mod:`sw.lowering`."""
