# The discriminator of the narrow networks.
narrow = dict(
    base_channels=16,
    init_cfg=dict(type='Kaiming', layer='Conv2d', a=0.2),  # else it starts near 0 and stays for 100 iterations
)
