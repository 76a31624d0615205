"""Synthetic imagery, 1.0 m -> 0.3 m, six classes."""

from mmuda.experiments import Entry, Pair, Suite

shares = {'adaptation_steps': ['batch_norm', 'class_shares']}
first_tier = [
    Entry('source_only'),
    Entry('source_only_augmented'),
    Entry('adabn', after='source_only', does='adapt'),
    Entry('shares', after='source_only', does='adapt', options=shares),
    Entry('augmented_adabn', after='source_only_augmented', does='adapt'),
    Entry('augmented_shares', after='source_only_augmented', does='adapt', options=shares),
    Entry('adaptsegnet_single'),
    Entry('adaptsegnet_single_shares', after='adaptsegnet_single', does='adapt', options=shares),
    Entry('dacs'),
    Entry('mic'),
    Entry('mic_shares', after='mic', does='adapt', options=shares),
    Entry('source_free', after='source_only'),
    Entry('target_only'),
]
# One seed, marked in the table by the number of its seeds.
second_tier = [
    Entry('histogram', seeds=(0,)),
    Entry('advent', seeds=(0,)),
    Entry('isia', seeds=(0,)),
    Entry('isia_aim', seeds=(0,)),
    Entry('self_training', seeds=(0,)),
    Entry('mic_on_adaptsegnet', seeds=(0,)),
    *(Entry(f'unimatch_v2_{n}', method='unimatch_v2', tiles=n, seeds=(0,)) for n in (1, 2, 4)),
]
full = Suite(
    pairs=[Pair('synthetic', 'synthetic', tiles=(0, 3, 1, 4), tile=512)],
    entries=[*first_tier, *second_tier],
    options={'train_dataloader.batch_size': 2},
)
quick = Suite(
    pairs=[Pair('synthetic', 'synthetic', iters=500)],
    entries=[
        entry for entry in first_tier if entry.name in ('source_only', 'adaptsegnet_single', 'mic', 'target_only')
    ],
    seeds=(0,),
    references=('source_only',),
    cheap=('source_only',),
    options=full.options,
    note='Not converged: one seed, 500 iterations. It shows that the benchmark runs.',
)
