"""Real imagery: drone orthophotos of two cities with buildings, aerial images of three cities with roads.

Another pair of folders of images and labels joins by a line of ``pairs`` that names it, e.g.

    Pair('mine', 'folders', needs='data/mine', values=dict(
        source_root='data/mine/a', target_root='data/mine/b', source_gsd=0.5, target_gsd=0.5,
        classes=('background', 'water'), palette=[[0, 0, 0], [0, 0, 255]]))

``values`` replaces lines at the top of configs/_base_/datasets/folders.py, which says what they mean.
"""

from mmuda.experiments import Pair, Suite, load_suite

DRONE, ROADS = 'data/drone_buildings', 'data/city_roads'
chicago = dict(source_root=f'{ROADS}/source', target_root=f'{ROADS}/target')
reverse = dict(source_root=chicago['target_root'], target_root=chicago['source_root'])
boston = dict(source_root=f'{ROADS}/target', source_prefix='bos_', target_prefix='la_')
pairs = [
    Pair('nairobi2kampala', 'nairobi2kampala', needs=DRONE, iters=1500, tiles=(1, 10, 6, 13), tile=512),
    Pair('kampala2nairobi', 'kampala2nairobi', needs=DRONE, iters=1500, tiles=(9, 27, 36, 54), tile=512),
    Pair('roads', 'folders', values=chicago, needs=ROADS, tiles=(0, 36, 18, 54)),
    Pair('roads_reversed', 'folders', values=reverse, needs=ROADS, tiles=(0, 30, 15, 45)),
    Pair('bos2la', 'folders', values=boston, needs=ROADS, tiles=(0, 18, 9, 27)),
]
full = Suite(pairs=pairs, entries=load_suite('synthetic').entries)
