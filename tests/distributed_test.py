"""Several devices and several machines train what one device trains."""

import functools
import glob
import json
import os
import pathlib
import signal
import socket
import subprocess
import textwrap
import time

import numpy as np
import pytest
import tensorflow as tf

from tests import commands, training

_CASES = {
    "ebm_dfo": ("mlp_ebm_quick.gin", ()),
    "ebm_langevin": ("mlp_ebm_langevin.gin", ("langevin_actions_given_obs.num_iterations = 20",)),
    "mse": ("mlp_mse.gin", ()),
    "autoregressive": ("mlp_ebm_autoregressive_quick.gin", ()),
    "chunks": (
        "mlp_mse.gin",
        (
            "train_eval.action_horizon = 4",
            "sequence_coding.reference = 'pos_agent'",
            "train_eval.optimizer = 'adamw'",
            "train_eval.gradient_clipping = 0.5",
            "train_eval.use_ema = True",
        ),
    ),
}
_DEVICES = 4
# On one device these evaluate and export, too.
_WHOLE = ("ebm_dfo", "mse")
# Neither changes a loss: what is compared with a training that evaluates and exports does not.
_NO_MORE_THAN_LOSSES = ("train_eval.skip_eval = True", "train_eval.policy_save_interval = 0")
# Prints the loss of every step as a line 'LOSS <number>'.
_TRAINING = """
    import sys
    import ibc
    import tensorflow as tf

    devices = int(sys.argv[1])
    if devices > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        configuration = [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(cpu, configuration)
    from ibc.utils import termination
    from ibc.train import config_files, experiment, run_config
    from ibc.train.devices import strategy as strategy_lib
    from ibc.train.loop import learner as learner_lib
    from ibc.train.run import policy_export

    if devices == 1:
        # As the command line does.
        strategy_lib.set_up_lanes()
    run = learner_lib.BehavioralCloningLearner.run

    def printing(self, *arguments):
        info = run(self, *arguments)
        print("LOSS", repr(float(info.loss)), flush=True)
        return info

    learner_lib.BehavioralCloningLearner.run = printing
    if sys.argv[2] == "no export":
        policy_export.PolicyExporter.save_models = lambda self: None
    config_files.configure(["PARTICLE"], [sys.argv[3]], sys.argv[4:])
    if devices > 1:
        strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(devices)])
    else:
        strategy = strategy_lib.get_strategy()
    with termination.watched():
        experiment.run(run_config.RunConfig(task=["PARTICLE"], strategy=strategy))
"""


def start(
    folder: pathlib.Path,
    data: str,
    case: str,
    devices: int = 0,
    cluster: dict | None = None,
    steps: int = 20,
    only_losses: bool = False,
    bindings: tuple[str, ...] = (),
) -> subprocess.Popen:
    """Starts a training that prints its losses.

    `devices` are virtual ones, 0 leaves TensorFlow as it is, 1 does so in lanes; `cluster` becomes
    TF_CONFIG.
    """
    if only_losses:
        bindings = (*_NO_MORE_THAN_LOSSES, *bindings)
    config, more = _CASES[case]
    small = {
        **training.bound("train_eval", root_dir=str(folder), dataset_path=data),
        **training.bound("train_eval", num_iterations=steps, fused_train_steps=1),
        # 1020 windows are not quite four batches, so epochs begin anew; any agent splits these.
        **training.bound("train_eval", batch_size=256),
        **training.bound("train_eval", eval_interval=10, eval_episodes=1, num_envs=1),
        **training.bound("train_eval", learning_rate_schedule="exponential"),
        **training.bound("MLPEBM", width=32),
        **training.bound("MLPMSE", width=32),
        **training.bound("IbcPolicy", num_action_samples=16),
    }
    export = "no export" if only_losses else "export"
    code = ("-c", textwrap.dedent(_TRAINING), str(devices), export, config)
    environment = os.environ | ({"TF_CONFIG": json.dumps(cluster)} if cluster else {})
    return commands.start_at_once(
        *code, *training.bindings(small), *more, *bindings, env=environment
    )


def start_two_workers(
    folder: pathlib.Path, data: str, case: str, **arguments
) -> list[subprocess.Popen]:
    """Starts a chief and another machine, both of them here."""
    workers = {"worker": [f"localhost:{port}" for port in free_ports(2)]}
    tasks = [{"type": "worker", "index": i} for i in range(2)]
    clusters = [{"cluster": workers, "task": task} for task in tasks]
    return [start(folder, data, case, cluster=cluster, **arguments) for cluster in clusters]


def start_endless(folder: pathlib.Path, data: str) -> list[subprocess.Popen]:
    """Starts a chief and another machine; returns them when they are training."""
    workers = start_two_workers(folder, data, "mse", steps=100000)
    commands.wait_for(workers[1], "^LOSS")
    time.sleep(2.0)
    return workers


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def losses(process: subprocess.Popen) -> np.ndarray:
    """Waits for a training; returns the loss of each step."""
    return losses_in(commands.finished(process))


def largest(found: np.ndarray, expected: np.ndarray) -> float:
    """Returns the largest relative difference."""
    return np.max(np.abs(found / expected - 1))


def losses_in(output: str) -> np.ndarray:
    return np.array([float(x.split()[1]) for x in output.splitlines() if x.startswith("LOSS ")])


def averages(folder: pathlib.Path) -> np.ndarray:
    """Reads the averaged weights of the newest checkpoint, one after the other."""
    newest = tf.train.latest_checkpoint(str(folder / "train" / "checkpoints"))
    names = [name for name, _ in tf.train.list_variables(newest) if "weight_average" in name]
    return np.concatenate([np.ravel(tf.train.load_variable(newest, name)) for name in names])


@pytest.fixture(scope="module")
def one(tmp_path_factory, particle_data):
    """Returns a function from a case to its training on one device: the folder and the losses."""

    @functools.cache
    def trained(case: str) -> tuple[pathlib.Path, np.ndarray]:
        folder = tmp_path_factory.mktemp("one")
        only_losses = case not in _WHOLE
        return folder, losses(start(folder, particle_data, case, only_losses=only_losses))

    return trained


@pytest.fixture(scope="module")
def side_by_side(tmp_path_factory, particle_data):
    """Returns a function from a case and devices to its training on them: folder and losses."""

    @functools.cache
    def trained(case: str, devices: int) -> tuple[pathlib.Path, np.ndarray]:
        folder = tmp_path_factory.mktemp("side_by_side")
        return folder, losses(start(folder, particle_data, case, devices, only_losses=True))

    return trained


@pytest.mark.slow
def test_devices_and_machines_average_the_weights_of_one(
    tmp_path, particle_data, one, side_by_side
):
    for worker in start_two_workers(tmp_path, particle_data, "chunks", only_losses=True):
        losses(worker)
    expected = averages(one("chunks")[0])
    assert len(expected) > 1000
    for other in (side_by_side("chunks", _DEVICES)[0], tmp_path):
        np.testing.assert_allclose(averages(other), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("case", _CASES)
@pytest.mark.parametrize("what", ["devices", "lanes"])
def test_losses_are_those_of_one_device_with_all_threads(one, side_by_side, case, what, report):
    devices = 1 if what == "lanes" else _DEVICES
    _, expected = one(case)
    _, found = side_by_side(case, devices)
    assert len(expected) == 20 and len(set(expected)) == 20
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    what = what if devices == 1 else f"{devices} devices"
    report(f"{case}, {what}: losses of one device to {largest(found, expected):.1e} in 20 steps")


@pytest.mark.slow
@pytest.mark.parametrize("case", _WHOLE)
def test_two_machines_have_the_losses_of_one_and_the_chief_writes(
    tmp_path, particle_data, one, case, report
):
    alone, expected = one(case)
    workers = start_two_workers(tmp_path, particle_data, case)
    for worker in workers:
        found = losses(worker)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    report(f"{case}, two machines: losses of one to {largest(found, expected):.1e} in 20 steps")

    def files(folder: pathlib.Path) -> set[str]:
        names = (str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
        return {name for name in names if "events.out" not in name}

    assert files(alone) == files(tmp_path)
    assert len(list((tmp_path / "train").glob("events*"))) == 1
    assert json.loads((tmp_path / "eval/Particle-v0/results.json").read_text())["step"] == 20


@pytest.mark.slow
def test_streamed_data_give_devices_and_machines_the_same_losses(tmp_path, particle_data, one):
    assert sum(map(os.path.getsize, glob.glob(particle_data))) > 3e5
    _, expected = one("mse")
    limited = dict(only_losses=True, bindings=("train_eval.memory_limit_mb = 0.3",))
    four = losses(start(tmp_path / "four", particle_data, "mse", devices=4, **limited))
    np.testing.assert_allclose(four, expected, rtol=1e-5)
    for worker in start_two_workers(tmp_path / "two", particle_data, "mse", **limited):
        np.testing.assert_allclose(losses(worker), expected, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_the_death_of_a_machine_ends_the_others_with_a_message(tmp_path, particle_data, killed):
    workers = start_endless(tmp_path, particle_data)
    workers[killed].kill()
    begin = time.monotonic()
    output, _ = workers[1 - killed].communicate(timeout=120)
    assert time.monotonic() - begin < 90
    assert workers[1 - killed].returncode == 1
    assert "another machine of the cluster in TF_CONFIG has ended" in output
    workers[killed].communicate()


@pytest.mark.slow
def test_sigterm_to_one_machine_stops_all_at_the_same_step(tmp_path, particle_data):
    workers = start_endless(tmp_path, particle_data)
    workers[1].send_signal(signal.SIGTERM)
    # Not communicate(), which leaves out what the loop above has read ahead.
    outputs = [worker.stdout.read() for worker in workers]
    steps = [len(losses_in(outputs[0])), len(losses_in(outputs[1])) + 1]
    assert steps[0] == steps[1] > 1
    for output in outputs:
        assert f"terminated at training step {steps[0]}" in output
    newest = tf.train.latest_checkpoint(str(tmp_path / "train" / "checkpoints"))
    assert newest and newest.endswith(f"ckpt-{steps[0]}"), outputs
