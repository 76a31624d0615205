# CLAN as in its released code where that differs from the paper (clan.py): a focal loss on each classifier instead
# of the cross entropy of their sum, the weight discrepancy at 0.02, the discriminator's output always on the image's
# grid and its loss not halved. Sizes are nominal: images come scaled by 0.8, 1 or 1.1, logits do not.
_base_ = './clan.py'
focal = dict(type='TapCrossEntropy', gamma=2.0)
method = dict(
    terms=dict(
        supervised=None,
        first=dict(focal, tap='source:module.decode_head.classifiers.0'),
        second=dict(focal, tap='source:module.decode_head.classifiers.1'),
        output=dict(
            resize_to=dict(_delete_=True, source=(720, 1280), target=(512, 1024)),
            warmup=5001,  # the code weighs from the iteration after the 5000th
            always_upsample=True,
            discriminator_weight=1.0,
        ),
        different=dict(loss_weight=0.02),  # the paper's 0.01, which the code multiplies by 2
    )
)
