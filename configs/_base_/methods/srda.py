# SRDA-Net (https://arxiv.org/abs/2005.06382): two discriminators align pixels (PDC) and predictions (ODC). Equation
# numbers are the paper's.
alpha = 5.0  # weight of each of the two cross entropies, (1)
beta = 10.0  # weight of the identity losses, (1)
fine_target = dict(type='TapLoss', tap='target:sr_image', reference='target:fine_image')
perceptual = dict(type='PerceptualLoss', weights='https://download.pytorch.org/models/vgg16-397923af.pth')
method = dict(
    # down R(I_S), fed back (strategy 2). Nearest and detached as in the authors' code; the paper specifies neither.
    views=dict(fed_back=dict(type='SuperResolvedView', image='source:sr_image', mode='nearest', detach=True)),
    terms=dict(
        # (2), first and second term
        supervised=dict(type='SupervisedTerm', view='source', loss_weight=alpha),
        fed_back=dict(type='SupervisedTerm', view='fed_back', loss_weight=alpha),
        # (3)
        identity_target=dict(fine_target, loss=dict(type='PixelMSELoss'), loss_weight=beta),
        # (4), first term: VGG-16 up to its last max-pool
        identity_source=dict(
            type='TapLoss', tap='source:sr_image', reference='source:fine_image', loss=perceptual, loss_weight=beta
        ),
        # (4), second term, and (5)
        fixed_point=dict(
            type='TapLoss',
            tap='fed_back:features.0',
            reference='source:features.0',
            loss=dict(type='PixelL1Loss'),
            loss_weight=0.5 * beta,
        ),
        # PDC, (9), (10): real target images 1, super-resolved source images 0
        pixel=dict(
            type='AdversarialAlignment',
            source='source:sr_image',
            target='target:fine_image',
            moves='source',
            discriminator=dict(type='PatchDiscriminator', base_channels=64),
            loss=dict(type='GANLoss', gan_type='lsgan'),
        ),
        # ODC, (15) to (20): predictions of target made to look like those of source
        output=dict(
            type='AdversarialAlignment',
            source='source:prob',
            target='target:prob',
            discriminator=dict(type='FCDiscriminator', base_channels=64),
            loss=dict(type='GANLoss', gan_type='vanilla'),
        ),
    ),
)
