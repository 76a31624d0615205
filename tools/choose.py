"""Choose among trained models without labels of the target: a table, the choice, and how sure it is."""

import argparse

from mmuda.utils.arguments import count
from mmuda.utils.errors import exit_on_user_error

CRITERIA = ('entropy', 'information_maximisation', 'flip_consistency', 'scale_consistency', 'ensemble_agreement')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'models',
        nargs='+',
        metavar='NAME=CONFIG:CHECKPOINT',
        help='the model without adaptation first; several checkpoints of one method, joined by commas, also tell how '
        'well its seeds agree',
    )
    parser.add_argument('--unadapted', metavar='NAME', help='the answer in case of doubt (default: the first)')
    parser.add_argument('--criterion', choices=CRITERIA, help='what chooses (default: information_maximisation)')
    parser.add_argument('--windows', type=count, default=24, help='target windows (default: 24)')
    parser.add_argument('--out', metavar='FILE', help='also write everything to this file (.json)')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmuda.apis import choose

    with exit_on_user_error():
        chosen = {} if args.criterion is None else dict(criterion=args.criterion)
        verdict = choose(args.models, args.unadapted, windows=args.windows, **chosen)
        if args.out:
            verdict.write(args.out)
        print(verdict)


if __name__ == '__main__':
    main()
