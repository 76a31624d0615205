# The five cities of semantic pairing at 20 cm (near infrared, red, green): 800 fixed patches of 224 px of each of ten
# training images, of the source the first 400 (its fixed subset, 250 batches of 16); validation by a sliding window
# without padding. A config chooses two of `cities`; the default is Hannover -> Vaihingen. The paper's draws are not
# published. The choice of validation images is ours, and 16 of Potsdam's 24 labelled tiles replace the 16 that were
# released first.
vaihingen_val, vaihingen_train = (5, 15, 21, 28, 32, 37), (1, 3, 7, 11, 13, 17, 23, 26, 30, 34)
potsdam_val = ('2_12', '3_12', '4_12', '5_12', '6_9', '7_9')
potsdam_train = ('2_10', '2_11', '3_10', '3_11', '4_10', '4_11', '5_10', '5_11', '6_8', '7_8')
gsd = 0.2  # metres per pixel
load, pack = dict(type='LoadRasterWindow'), dict(type='PackUDAInputs')
test_pipeline = [load, dict(type='ResampleToGSD', gsd=gsd), pack]
cities = dict(
    vaihingen=dict(type='Vaihingen', split='train', areas=vaihingen_train),
    potsdam=dict(type='Potsdam', split='all', tiles=potsdam_train),
    hannover=dict(type='GermanCity', city='hannover', split='train'),
    buxtehude=dict(type='GermanCity', city='buxtehude', split='train'),
    nienburg=dict(type='GermanCity', city='nienburg', split='train'),
)
# Replacements for the dataset of a stream and of the validation.
sources = {name: dict(city, _delete_=True) for name, city in cities.items()}
targets = {name: dict(city, _delete_=True, labelled=False) for name, city in cities.items()}
whole = dict(_delete_=True, last_tile='shift', pipeline=test_pipeline)
validation = dict(
    vaihingen=dict(whole, type='Vaihingen', split='train', areas=vaihingen_val, tile=498),
    potsdam=dict(whole, type='Potsdam', split='all', tiles=potsdam_val, tile=896),
    hannover=dict(whole, type='GermanCity', city='hannover', split='val', tile=224),
    buxtehude=dict(whole, type='GermanCity', city='buxtehude', split='val', tile=224),
    nienburg=dict(whole, type='GermanCity', city='nienburg', split='val', tile=224),
)
patches = dict(type='PatchSet', patches_per_raster=800, size=224, gsd=gsd, seed=0, pipeline=[pack])
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    dataset=dict(
        type='UDADataset',
        pairing='random_once',  # the paper's baseline; or a file written by tools/pair_domains.py
        source=dict(patches, dataset=cities['hannover'], patches_per_raster=400),
        target=dict(patches, dataset=dict(cities['vaihingen'], labelled=False)),
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='Vaihingen', split='train', areas=vaihingen_val, tile=498, last_tile='shift', pipeline=test_pipeline
    )
)
