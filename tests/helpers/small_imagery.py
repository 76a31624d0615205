"""Lets the synthetic imagery be a few small scenes; configs of tests name it in ``custom_imports``."""

from functools import partial

from mmuda.synthetic import dataset, generate

SCENES = dict(source=dict(train=(1, 128), val=(1, 128)), target=dict(train=(1, 320), val=(1, 320)))
dataset.generate = partial(generate, scenes=SCENES)
