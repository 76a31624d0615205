"""Test a checkpoint: metrics, and on request predictions and pictures."""

import argparse

from mmuda.utils.cfg_options import add_cfg_options
from mmuda.utils.errors import exit_on_user_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Test a checkpoint')
    parser.add_argument('config', help='path of the config')
    parser.add_argument('checkpoint', help='path or URL of the checkpoint')
    parser.add_argument('--work-dir', help='folder for the metrics (default: ./work_dirs/CONFIG_NAME)')
    parser.add_argument('--out', metavar='DIR', help='save the predicted label maps')
    parser.add_argument('--show-dir', metavar='DIR', help='save pictures: image, truth, prediction')
    parser.add_argument('--tta', action='store_true', help='test-time augmentation with the tta_pipeline of the config')
    add_cfg_options(parser, 'override values in the config, e.g. test_dataloader.batch_size=4 or key="[a,b]"')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm'], default='none', help='who started us')
    # Launchers of old torch versions pass it; torchrun sets LOCAL_RANK in the environment instead.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmuda.apis import load_config, test

    with exit_on_user_error():
        cfg = load_config(args.config, args.cfg_options)
        test(cfg, args.checkpoint, args.work_dir, args.out, args.show_dir, args.tta, args.launcher)


if __name__ == '__main__':
    main()
