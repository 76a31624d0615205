"""Train a config. Without a GPU it trains on the CPU; for several devices see dist_train.sh."""

import argparse

from mmuda.utils.arguments import seed
from mmuda.utils.cfg_options import add_cfg_options
from mmuda.utils.errors import exit_on_user_error


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train a config')
    parser.add_argument('config', help='path of the config')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints (default: ./work_dirs/CONFIG_NAME)')
    parser.add_argument(
        '--resume',
        nargs='?',
        const=True,
        default=False,
        metavar='PATH',
        help='continue from the newest readable checkpoint in the work directory, or from PATH (checkpoint or folder '
        'to search); "auto": start from scratch if there is none',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on the CPU')
    parser.add_argument('--amp-dtype', choices=['float16', 'bfloat16'], help='kind of mixed precision; implies --amp')
    parser.add_argument('--seed', type=seed, help="seed of every random choice (default: the config's, else 0)")
    parser.add_argument(
        '--check',
        action='store_true',
        help='build everything, run a few steps of each stage, validate and test a few tiles, report; keep no files',
    )
    add_cfg_options(parser, 'override values in the config, e.g. train_dataloader.batch_size=4 or key="[a,b]"')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm'], default='none', help='who started us')
    # Launchers of old torch versions pass it; torchrun sets LOCAL_RANK in the environment instead.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.check and args.launcher != 'none':
        parser.error('--check runs in one process; leave --launcher out')
    return args


def main() -> None:
    args = parse_args()
    from mmuda.apis import check, load_config, train

    with exit_on_user_error():
        cfg = load_config(args.config, args.cfg_options)
        amp = args.amp_dtype or args.amp
        if args.check:
            print(check(cfg, amp=amp, seed=args.seed))
        else:
            train(cfg, args.work_dir, args.resume, amp, args.launcher, args.seed)


if __name__ == '__main__':
    main()
