"""Finds checkpoints, reads them safely, fits their names to a model, and records a run's settings in them.

Imports ``utils`` alone, so that models may use it.
"""
