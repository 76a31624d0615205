"""DANN on semantic pairs, by pairing strategy: synthetic imagery."""

from mmuda.experiments import Entry, Pair, Suite

FOLDER, NETWORK = 'configs/dann', 'deeplabv3plus-mv2_synthetic.py'
WITH_PAIRS = ('approximation', 'ground_truth', 'image_mmd', 'feature_mmd')
entries = [
    Entry('source_only', config=f'{FOLDER}/source_only_patches_{NETWORK}'),
    Entry('dann_random', config=f'{FOLDER}/dann_{NETWORK}'),
]
for strategy in WITH_PAIRS:
    config = f'{FOLDER}/dann_{strategy}_{NETWORK}'
    pairing = {'pairing_strategy': strategy}
    entries += [
        Entry(f'pairs_{strategy}', config=config, after='source_only', does='pair', options=pairing),
        Entry(
            f'dann_{strategy}',
            config=config,
            after=f'pairs_{strategy}',
            start='train_dataloader.dataset.pairing',
            uses_target_labels=strategy == 'ground_truth',
        ),
    ]
full = Suite(
    pairs=[Pair('synthetic')],
    entries=entries,
    references=('source_only', 'dann_random'),
    cheap=('source_only',),
    target_only=None,
)
