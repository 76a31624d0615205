# Masked image consistency (https://arxiv.org/abs/2212.01322) on top of DAFormer: the student also predicts the target's
# pseudo labels where most of the image is hidden.
_base_ = './daformer.py'
method = dict(
    views=dict(
        recoloured=dict(type='StrongAugmentation', view='pseudo'),
        masked=dict(type='Masked', view='recoloured', ratio=0.7),  # blocks of a sixteenth of the crop
    ),
    terms=dict(masked=dict(type='SupervisedTerm', view='masked')),
)
