# AdaBN during training: the target is forwarded too and updates the running statistics; nothing else adapts.
method = dict(batch_norm='target', terms=dict(target=dict(type='ForwardTerm')))
