"""Judges a map against the truth: pixels, boundaries, objects and regions, strip by strip."""
