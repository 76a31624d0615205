# SRDA-Net exactly as in the paper where the default follows the code: the fed-back image also trains R (2) and is
# downsampled bicubically, and the discriminators' losses are sums over the domains (10), (18). Two things remain as in
# the code: E is pretrained with R (21), and the segmentor's loss of ODC has only the target term of (17)
# (`moves='both'` adds the other).
_base_ = './srda_resaspp_vaih2pots.py'
model = dict(
    views=dict(fed_back=dict(mode='bicubic', detach=False)),
    terms=dict(pixel=dict(discriminator_weight=1.0), output=dict(discriminator_weight=1.0)),
)
