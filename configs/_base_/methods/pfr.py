# Progressive feature refinement: style and content of four stages, and the output-space discriminator, (6).
_base_ = './output_space.py'
method = dict(
    terms=dict(
        output=dict(_base_.output, loss_weight=0.002),
        refinement=dict(type='StyleContentAlignment', loss_weight=0.004),
    )
)
