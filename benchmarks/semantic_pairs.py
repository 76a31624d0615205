"""SemSim* of all pairs against a plain matrix product of the same size and against a NumPy loop over pairs.

    python benchmarks/semantic_pairs.py [--source 2000] [--target 2000] [--part 500] [--size 224] [--classes 6]

Scores ``source`` labels with ``part`` predicted patches (a block of ``target``), exactly, and in turn multiplies two
plain matrices of the product's size. It prints the ratio of rates, peak memory, and the total cost extrapolated from
the block, also for 8000 x 8000 and 8000 x 160,000.
"""

import argparse
import resource
import statistics
import time

import numpy as np
import torch

from mmuda.pairing import semantic_similarity
from mmuda.pairing.semsim import DEFAULT_MEMORY


def timed(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def numpy_pair(label: np.ndarray, prob: np.ndarray) -> float:
    """SemSim* of one pair, in the fastest NumPy form: a gather and a mean."""
    valid = label < len(prob)
    return np.take_along_axis(prob, np.where(valid, label, 0)[None], 0)[0][valid].mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in dict(source=2000, target=2000, part=500, size=224, classes=6, rounds=3).items():
        parser.add_argument(f'--{name}', type=int, default=value)
    args = parser.parse_args()
    positions = args.size**2
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, args.classes, (args.source, positions), generator=generator, dtype=torch.uint8)
    labels[torch.rand(labels.shape, generator=generator) < 0.05] = 255
    probabilities = torch.rand(args.part, args.classes, positions, generator=generator)
    probabilities /= probabilities.sum(dim=1, keepdim=True)

    # A plain product of the same rows and columns and a share of the length, small enough to fit in memory with the
    # rest.
    length = min(args.classes * positions, 32_768)
    left, right = torch.rand(args.source, length), torch.rand(args.part, length)
    share = args.classes * positions / length
    numpy_labels, numpy_probabilities = labels[:40].long().numpy(), probabilities[:5].numpy()

    ours, plain, loop = [], [], []
    for _ in range(args.rounds):
        plain.append(timed(lambda: left @ right.T) * share)
        ours.append(timed(lambda: semantic_similarity(labels, probabilities, args.classes, DEFAULT_MEMORY)))
        loop.append(timed(lambda: [numpy_pair(a, b) for a in numpy_labels for b in numpy_probabilities]) / 200)
    rate = statistics.median(p / o for p, o in zip(plain, ours, strict=True))
    seconds = statistics.median(ours)
    pairs = args.source * args.part
    faster = statistics.median(one * pairs / o for one, o in zip(loop, ours, strict=True))
    gflops = 2 * pairs * args.classes * positions / seconds / 1e9
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f'{args.source} x {args.part} patches of {args.size}, {args.classes} classes: {seconds:.1f} s, '
        f'{gflops:.0f} GFLOP/s'
    )
    print(f'rate over that of a plain matrix product: {rate:.2f}; over the NumPy loop over pairs: {faster:.1f}')
    print(f'peak memory of this process: {peak:.2f} GiB')
    for n, m in ((args.source, args.target), (8000, 8000), (8000, 160_000)):
        print(f'{n} x {m}: {seconds * n * m / pairs / 60:.1f} min, without predicting and reading')


if __name__ == '__main__':
    main()
