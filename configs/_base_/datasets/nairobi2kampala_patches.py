# Fixed patches of Nairobi and Kampala, for pairing: 400 of 192 px at 15 cm of each raster.
_base_ = './nairobi2kampala.py'
patches = dict(
    type='PatchSet',
    patches_per_raster=400,
    size=192,
    gsd=0.15,
    seed=0,
    pipeline=[dict(type='PackUDAInputs')],
)
drone = dict(type='DroneBuildings', data_root='data/drone_buildings')
nairobi = dict(resolution='15cm', name_prefix='nairobi', gsd=0.15, **drone)
kampala = dict(resolution='7cm', name_prefix='kampala_train', gsd=0.075, labelled=False, **drone)
train_dataloader = dict(
    dataset=dict(
        pairing='random_once',  # or a file of tools/pair_domains.py
        source=dict(_delete_=True, dataset=nairobi, **patches),
        target=dict(_delete_=True, dataset=kampala, **patches),
    )
)
