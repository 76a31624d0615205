# SRDA-Net by the letter of the paper where the default follows the code: the fed-back image trains R too (2), is
# downsampled bicubically, and the discriminators' losses are sums over the domains (10), (18). As the code remain: E is
# pretrained with R (21), and the segmentor's loss of ODC has the target term of (17) alone (`moves='both'` adds the
# other).
_base_ = './srda_resaspp_mass2inria.py'
model = dict(
    views=dict(fed_back=dict(mode='bicubic', detach=False)),
    terms=dict(pixel=dict(discriminator_weight=1.0), output=dict(discriminator_weight=1.0)),
)
