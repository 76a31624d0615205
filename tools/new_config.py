"""Write the config of a method, a model and a dataset.

    python tools/new_config.py --list
    python tools/new_config.py --method adaptsegnet_single --data mass2inria --out configs/mine/config.py

Without --out the config is printed. tools/train.py trains it.
"""

import argparse

from mmuda.apis import combinations, exit_on_user_error, new_config


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--list', action='store_true', help='list the combinations of method, model and dataset')
    parser.add_argument('--method', help='name of the method')
    parser.add_argument('--data', help='name of the dataset')
    parser.add_argument('--model', help='name of the model (default: the usual one for this method and dataset)')
    parser.add_argument('--out', help='file to write; inside configs/FOLDER, its base paths are relative')
    args = parser.parse_args()
    if not args.list and not (args.method and args.data):
        parser.error('give --method and --data, or --list')
    return args


def main() -> None:
    args = parse_args()
    with exit_on_user_error():
        if args.list:
            for row in combinations():
                print(*row)
            return
        text = new_config(args.method, args.data, args.model, args.out)
        told = text if args.out is None else f'wrote {args.out}; train it with: python tools/train.py {args.out}\n'
        print(told, end='')


if __name__ == '__main__':
    main()
