# DACS (https://arxiv.org/abs/2007.08702): a teacher labels the target; half of the classes of a source image are pasted
# onto a target image, image and label; the student learns the mixture after a change of its colours.
_base_ = './mixing.py'
method = dict(_base_.mixing, batch_norm='shared')
