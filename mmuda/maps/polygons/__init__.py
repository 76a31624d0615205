"""Polygons from class maps: traced strip by strip, joined, made simpler, written as they are finished."""
