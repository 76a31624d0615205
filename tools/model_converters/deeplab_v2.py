"""Convert DeepLab-v2 checkpoints of AdaptSegNet, ADVENT or CLAN to the names of mmseg and mmuda."""

import argparse

from mmuda.apis import exit_on_user_error
from mmuda.checkpoints.official import convert_deeplab_v2


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', metavar='IN', help='a released .pth file')
    parser.add_argument('out', metavar='OUT', help='checkpoint to write')
    parser.add_argument(
        '--backbone-only',
        action='store_true',
        help='only the backbone, to start training from (DeepLab_resnet_pretrained_init-f81d91e8.pth)',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with exit_on_user_error():
        left_out = convert_deeplab_v2(args.source, args.out, args.backbone_only)
    print(f'{args.source} -> {args.out}' + (f', without {", ".join(left_out)}' if left_out else ''))


if __name__ == '__main__':
    main()
