"""Numbers and names that label maps and samples share."""

IGNORE_INDEX = 255
"""Value in all label maps (training, truth, prediction) for no data or an ignored class."""

NO_DATA = 'no_data'
"""Field of a data sample: (1, h, w) bool on the grid of the label, present only if some pixel holds no data."""
