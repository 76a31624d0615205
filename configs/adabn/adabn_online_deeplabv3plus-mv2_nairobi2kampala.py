# AdaBN along training: the target is forwarded too and moves the running statistics; nothing else adapts.
_base_ = '../source_only/source_only_deeplabv3plus-mv2_nairobi2kampala.py'
model = dict(batch_norm='target', terms=dict(target=dict(type='ForwardTerm')))
