"""Converters of checkpoints that the authors of a method released.

Imports ``checkpoints`` and ``utils``.
"""
