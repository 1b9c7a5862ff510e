"""Records videos of a task to learn from: an expert's, and others' to tell them from.

Example: 5,000 videos of each to learn from and 400 held out, in four processes.

    python data/generate_videos.py --task=PARTICLE_REACH --others=random,particle_slow --height=32
        --width=32 --processes=4 --video_dir=datasets/particle_reach_videos

A recording that was interrupted is continued by the same command, and one with more videos, too.
"""

import argparse
import dataclasses
import time
from collections.abc import Sequence

from ibc.data.recording import video_options, video_recording
from ibc.utils import bars, child_process, program

GO_ON = "whole videos are kept, and the same command goes on."
_HELP = {
    "task": ("NAME", "a task that can be drawn"),
    "policy": (
        "NAME",
        "the expert: a policy of the task, my_module:MyController, or a run's folder",
    ),
    "others": ("NAME,…", "policies of the other classes"),
    "episode_len": ("N", "actions in an episode (as the task's videos have, or its limit)"),
    "action_repeat": ("N", "steps for which an action is held (the task's; mostly 1)"),
    "height": ("N", "of pictures, in pixels"),
    "width": ("N", "likewise"),
    "num_train": ("N", "videos of each class to learn from"),
    "num_valid": ("N", "videos of each class held out"),
    "video_dir": ("FOLDER", "where they go (datasets/<task>_videos)"),
    "seed": ("N", "from which all that is drawn follows"),
    "processes": ("N", "how many record side by side (as many as there are cores)"),
}


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = program.Parser("generate_videos", description=__doc__.splitlines()[0])
    defaults = {each.name: each.default for each in dataclasses.fields(video_options.VideoOptions)}
    defaults["processes"] = child_process.num_cores()
    for name, (metavar, text) in _HELP.items():
        default = defaults[name]
        options = {"metavar": metavar, "help": text}
        if name == "task":
            options["required"] = True
        elif name == "others":
            options["default"] = ",".join(default)
        else:
            options["default"] = default
            options["type"] = int if metavar == "N" else str
        parser.add_argument(f"--{name}", **options)
    parser.add_argument(
        "--flatten_env", action="store_true", help="concatenate observations to one vector"
    )
    for name, text in (("gin_file", "config file"), ("gin_bindings", "ParticleEnv.n_steps=25")):
        parser.add_argument(
            f"--{name}",
            action="append",
            default=[],
            metavar=name.upper(),
            help=f"{text}; repeatable",
        )
    program.add_common(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    arguments = make_parser().parse_args(argv)
    given = {name: getattr(arguments, name) for name in (*_HELP, "flatten_env")}
    given["others"] = tuple(name for name in arguments.others.split(",") if name)
    with program.one_line_errors(
        arguments.debug, f"interrupted; {GO_ON}", f"terminated; {GO_ON}", "use fewer processes."
    ):
        options = video_options.VideoOptions(
            **given, gin_file=tuple(arguments.gin_file), gin_bindings=tuple(arguments.gin_bindings)
        )
        options.check()
        program.say(record(options))


def record(options: video_options.VideoOptions) -> str:
    """Records videos, shows how far it is, and returns what there is, in a sentence."""
    start, total = time.monotonic(), len(options.jobs())
    with bars.bar(total, "video", "recording") as advance:
        made = video_recording.run(options, advance)
    seconds = time.monotonic() - start
    pictures = made * (options.steps() + 1)
    return (
        f"{total} videos in {options.folder()}, {made} of them recorded now in {seconds:.1f} s"
        + (f", {pictures / seconds:.0f} pictures/s." if made else ".")
    )


def run() -> None:
    """Entry point of the console script."""
    program.set_up_logging()
    main()


if __name__ == "__main__":
    run()
