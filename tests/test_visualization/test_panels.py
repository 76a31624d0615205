import io

import numpy as np
from PIL import Image

from mmuda.visualization import Panel, draw_panels


def picture(rows, **kwargs) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(draw_panels(rows, **kwargs))).convert('RGB'))


def flat(colour, height=8, width=8) -> np.ndarray:
    return np.full((height, width, 3), colour, dtype=np.uint8)


def pixels_of(image, colour) -> np.ndarray:
    return np.argwhere((image == colour).all(axis=-1))


def test_panels_stand_where_their_row_and_column_say():
    colours = [[(250, 0, 0), (0, 250, 0)], [(0, 0, 250), (90, 0, 90)]]
    drawn = picture([[Panel(flat(colour), 'title') for colour in row] for row in colours], panel_inches=1.0)
    centres = [[pixels_of(drawn, colour).mean(axis=0) for colour in row] for row in colours]
    sizes = {len(pixels_of(drawn, colour)) // 1000 for row in colours for colour in row}
    assert len(sizes) == 1
    assert centres[0][0][1] < centres[0][1][1]
    assert centres[0][0][0] < centres[1][0][0]
    assert abs(centres[0][0][0] - centres[0][1][0]) < 1
    assert abs(centres[0][0][1] - centres[1][0][1]) < 1


def test_panels_of_other_sizes_in_pixels_are_drawn_equally_large():
    drawn = picture([[Panel(flat((250, 0, 0), 4, 4)), Panel(flat((0, 250, 0), 64, 64))]], panel_inches=1.0)
    counts = [len(pixels_of(drawn, colour)) for colour in [(250, 0, 0), (0, 250, 0)]]
    assert abs(counts[0] - counts[1]) < 0.03 * counts[0]


def test_legend_has_a_swatch_for_each_class_even_in_a_narrow_picture():
    names = [f'a class with a long name {index}' for index in range(4)]
    palette = [[10, 200, 30], [10, 30, 200], [200, 10, 30], [200, 200, 30]]
    without = picture([[Panel(flat((255, 255, 255)))]], panel_inches=3.0)
    drawn = picture([[Panel(flat((255, 255, 255)))]], classes=names, palette=palette, panel_inches=3.0)
    assert drawn.shape[0] > without.shape[0]
    assert drawn.shape[1] == without.shape[1]
    assert all(len(pixels_of(drawn, colour)) > 20 for colour in palette)
