# srda.py for narrow networks: a small untrained perceptual network, so that nothing needs to be downloaded.
_base_ = './srda.py'
width = dict(base_channels=8)
untrained = dict(network=dict(type='VGGFeatures', width=8, out_layer=9), weights=None, allow_untrained=True)
method = dict(
    terms=dict(
        identity_source=dict(loss=untrained),
        # The paper's 1.0 harms narrow networks (docs/results/srda.md): they recolour roofs as grass.
        pixel=dict(loss_weight=0.1, discriminator=width),
        # Without it the narrow ODC's logits start near zero and stay there for hundreds of iterations.
        output=dict(discriminator=dict(width, init_cfg=dict(type='Kaiming', layer='Conv2d', a=0.2))),
    )
)
