# dann.py for narrow networks and short trainings.
_base_ = './dann.py'
method = dict(
    terms=dict(
        feature=dict(
            discriminator=dict(expand_ratio=2),
            loss_weight=0.05,  # at 1.0 the encoder forgets the segmentation in so few iterations
        )
    ),
    segmentor=dict(decode_head=dict(type='FusedASPPHead')),
)
