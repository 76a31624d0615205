# Fixed patches of the synthetic imagery, for pairing: 100 of 128 px at 0.5 m of each scene.
_base_ = './synthetic.py'
patches = dict(
    type='PatchSet',
    patches_per_raster=100,
    size=128,
    gsd=0.5,
    seed=0,
    pipeline=[dict(type='PackUDAInputs')],
)
synthetic = dict(type='SyntheticDataset', data_root='data/synthetic', num_classes=6, split='train')
train_dataloader = dict(
    dataset=dict(
        pairing='random_once',  # or a file of tools/pair_domains.py
        source=dict(_delete_=True, dataset=dict(domain='source', **synthetic), **patches),
        target=dict(_delete_=True, dataset=dict(domain='target', labelled=False, **synthetic), **patches),
    )
)
