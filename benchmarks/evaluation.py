"""Evaluation of a PUSH policy against what physics allows.

    python benchmarks/evaluation.py [--quick]

Evaluates untrained policies, whose episodes last as long as episodes can, in one environment of
this process, timing the calls to PyBullet; then in processes, one per core. Physics alone, spread
evenly over the cores, is the bound. An explicit policy's actions hardly add to it, an implicit
policy's do.
"""

import dataclasses
import functools
import time

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import machine
import physics_time
import untrained
from absl import app

from ibc.eval import environment_group, measured_environment, process_group, rollouts, seeded_policy
from ibc.utils import child_process

_TASK = "PUSH"
_SEQUENCE_LENGTH = 2
_CONFIGS = ("mlp_mse", "mlp_ebm_quick")


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table."""

    config: str
    episodes: int
    num_envs: int
    processes: int
    """0: the environments are in the process of the policy."""
    seconds: float
    share_of_bound: float
    """Physics alone, spread over the cores, divided by `seconds`."""


def measure(config: str, episodes: int) -> list[Row]:
    """Evaluates a policy in several ways."""
    built = untrained.build(_TASK, config)
    act = seeded_policy.greedy_act_fn(built.agent.policy)
    load = functools.partial(measured_environment.load, _TASK, _SEQUENCE_LENGTH)
    cores = child_process.num_cores()

    def seconds(group, count: int) -> float:
        start = time.perf_counter()
        for _ in rollouts.run_episodes(group, act, range(count)):
            pass
        return time.perf_counter() - start

    with physics_time.TimedClient() as pybullet:
        alone = environment_group.LocalGroup([load()])
        seconds(alone, 1)  # compiles the policy
        before = pybullet.seconds
        taken = seconds(alone, episodes)
        bound = (pybullet.seconds - before) / cores
    found = [Row(config, episodes, 1, 0, taken, bound / taken)]
    for num_envs in sorted({cores, episodes}):
        group = process_group.ProcessGroup(_TASK, load, num_envs, min(cores, num_envs), ())
        seconds(group, num_envs)
        taken = seconds(group, episodes)
        group.close()
        found.append(Row(config, episodes, num_envs, min(cores, num_envs), taken, bound / taken))
    return found


def rows(quick: bool) -> list[Row]:
    """Measures, and prints what was measured."""
    found = []
    for config in _CONFIGS[:1] if quick else _CONFIGS:
        for row in measure(config, 2 if quick else 20):
            print(
                f"{_TASK:8} {config:18} {row.episodes} episodes, {row.num_envs:2} environments, "
                f"{row.processes} processes: {row.seconds:6.2f} s "
                f"{row.share_of_bound:6.1%} of physics alone",
                flush=True,
            )
            found.append(row)
    return found


def main(_) -> None:
    rows(machine.QUICK.value)


if __name__ == "__main__":
    app.run(main)
