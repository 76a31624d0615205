"""SRDA-Net's ladder on synthetic imagery, 1.0 m -> 0.3 m. Its networks differ from those of the other suites."""

from mmuda.experiments import Entry, Pair, Suite

LADDER = ('noadapt', 'noadapt_down', 'srs', 'srs_pdc', 'srs_odc', 'srda', 'target_only')
full = Suite(
    pairs=[Pair('synthetic')],
    entries=[Entry(name, config=f'configs/srda/{name}_resaspp_synthetic.py') for name in LADDER],
    references=('noadapt', 'srs'),
    cheap=('noadapt', 'noadapt_down'),
)
