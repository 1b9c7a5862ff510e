"""Runs of imitation from videos: whole, in parts, killed in between, and with what is wrong."""

import errno
import pathlib
import signal

import numpy as np
import pytest
import tensorflow as tf

from ibc.data import video_files
from ibc.networks import video_encoder, video_encoder_file
from ibc.online import run_config
from ibc.online.ifo import options
from tests import commands, drq_testing

_SMALL = video_encoder.Architecture(32, 8, (2, 4, 4))
_GIVEN = (
    "--algorithm=IFO", "--task=PARTICLE_REACH", "--set=drq.hidden_dim=8", "--set=drq.state_dim=8",
    "--set=drq.feature_dim=4", "--set=drq.batch_size=4", "--set=drq.num_seed_frames=30",
    "--set=drq.num_expl_steps=20", "--set=drq.eval_every_frames=60", "--set=drq.image_size=16",
    "--set=drq.num_eval_episodes=2", "--set=drq.replay_buffer_size=60", "--set=IFO.batch_size=2",
    "--set=IFO.update_encoder_every_frames=20", "--set=IFO.update_encoder_until_frame=1000",
    "--set=IFO.negatives_limit=3", "--set=IFO.encoder_dir=encoder", "--set=IFO.video_dir=videos",
    "--gin_bindings=online_train_eval.checkpoint_interval = 30", "--gin_file=ifo.gin",
    "--set=IFO.im_w=32", "--set=drq.action_repeat=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with an untrained encoder and six videos."""
    folder = tmp_path_factory.mktemp("ifo")
    told = {"task": "PARTICLE_REACH", "episode_len": 15, "update": 0, "to_lab": True}
    video_encoder_file.save(video_encoder.VideoEncoder(_SMALL, 3), folder / "encoder", told)
    draw = np.random.default_rng(0)
    for label in (0, 1):
        for index in range(3):
            path = folder / "videos" / "train" / str(label) / f"{index}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            video_files.write(path, draw.integers(0, 256, [1, 16, 32, 32, 3], np.uint8))
    return folder


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    """A working folder with links to what is `made`."""
    for name in ("encoder", "videos"):
        (tmp_path / name).symlink_to(made / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(*arguments):
    return commands.in_process("online_train_eval", [*_GIVEN, *arguments])


_OF_STATES = (
    "--set=IFO.observation=state", "--set=IFO.relabel_on_sample=true",
    "--set=IFO.subtract_time_mean=true", "--set=IFO.divide_by_deviation=true",
    "--set=IFO.eval_videos=1",
)  # fmt: skip
_TO_THE_END = "--set=steps=150"


@pytest.fixture(scope="module")
def played(made, tmp_path_factory):
    """The folder of an undisturbed run of states, which others are compared with."""
    folder = tmp_path_factory.mktemp("played")
    for name in ("encoder", "videos"):
        (folder / name).symlink_to(made / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = _run(*_OF_STATES, _TO_THE_END, "--tag=whole")
    assert (done.status, done.errors) == (0, [])
    return folder / "runs" / "online" / "whole"


@pytest.fixture
def whole(played, place):
    """The tag of that run, as if it had been made in this test's working folder."""
    runs = place / "runs" / "online"
    runs.mkdir(parents=True)
    (runs / played.name).symlink_to(played)
    return played.name


def test_a_run_of_states_in_parts_is_the_whole_one(whole):
    for steps in ("--set=steps=60", _TO_THE_END):
        assert _run(*_OF_STATES, steps, "--tag=parts").status == 0
    _check_parts(whole, [60, 120, 150], films=True, exports=True)


@pytest.mark.parametrize(
    "more",
    [
        ("observation=embeddings", "similarity=negative_distance"),
        ("observation=pixels", "expert_videos_per_episode=2", "eval_videos=0"),
    ],
)
def test_a_run_in_parts_is_the_whole_one(more, place):
    settings = [f"--set=IFO.{one}" for one in more]
    whole = _run(*settings, "--set=steps=120", "--tag=whole")
    assert (whole.status, whole.errors) == (0, [])
    for steps in (60, 120):
        assert _run(*settings, f"--set=steps={steps}", "--tag=parts").status == 0
    films = "eval_videos=0" not in more
    before, after = _check_parts("whole", [60, 120], films, exports=False)
    if "observation=embeddings" in more:  # whose convolutions stay as they are
        pictures = tf.random.stateless_normal([4, 1, 32, 32, 3], [0, 0])
        seen = [encoder.embed_frames(pictures) for encoder in (before, after)]
        np.testing.assert_array_equal(*seen)


def _check_parts(
    whole: str, frames: list[int], films: bool, exports: bool
) -> list[video_encoder.VideoEncoder]:
    """Compares runs, and looks at what one leaves; returns its encoders before and after."""
    drq_testing.assert_equal(whole, "parts")
    rows = drq_testing.evaluations(whole)
    assert [row["frames"] for row in rows] == frames
    assert {"episode_reward", "within_0.05", "within_0.1"} < set(rows[0])
    run = pathlib.Path("runs/online") / whole
    assert (run / "policies" / "greedy_policy" / "policy.json").is_file() == exports
    assert len(list(run.glob("eval_videos/*.mp4"))) == (len(rows) if films else 0)
    encoders = [video_encoder_file.load(each)[0] for each in ("encoder", run)]
    pairs = zip(*(encoder.variables for encoder in encoders), strict=True)
    assert not all(np.array_equal(*pair) for pair in pairs)
    return encoders


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_run_goes_on_as_if_it_had_not_been(how, whole, place):
    settings = (*_OF_STATES, _TO_THE_END, "--tag=killed")
    command = ("-m", "ibc.online_train_eval", *_GIVEN, *settings)
    with commands.start_at_once(*command, cwd=place) as process:
        commands.wait_for(process, "Frame 60 of 150")
        process.send_signal(how)
        process.communicate(timeout=120)
    assert process.returncode == (143 if how is signal.SIGTERM else -signal.SIGKILL)
    assert _run(*settings).status == 0
    drq_testing.assert_equal("killed", whole)


def test_a_full_disk_loses_nothing(whole, monkeypatch):
    settings = (*_OF_STATES, _TO_THE_END, "--tag=full")
    save = np.save

    def full(file, array):
        if "00000005" in file.name:
            file.write(array.tobytes()[:1000])
            raise OSError(errno.ENOSPC, "No space left on device", file.name)
        save(file, array)

    monkeypatch.setattr(np, "save", full)
    failed = _run(*settings)
    assert failed.status == 1 and "No space left on device" in failed.errors[-1]
    left = sorted(each.name for each in pathlib.Path("runs/online/full/train/negatives").iterdir())
    assert left[-1] == "00000004.npy"
    monkeypatch.setattr(np, "save", save)
    assert _run(*settings).status == 0
    drq_testing.assert_equal("full", whole)


def test_an_infinite_loss_of_the_encoder_ends_the_run(place):
    settings = ("--set=IFO.observation=state", "--set=IFO.eval_videos=0", "--set=steps=120")
    done = _run(*settings, "--set=cmc_model.lr=1e30")
    assert done.status == 3 and "error: the encoder's" in done.errors[-1]
    assert "give a smaller cmc_model.lr" in done.errors[-1]


def _shorter(place: pathlib.Path) -> None:
    (place / "videos").unlink()
    for label in (0, 1):
        path = place / "videos" / "train" / str(label) / "0.npy"
        path.parent.mkdir(parents=True)
        video_files.write(path, np.zeros([1, 12, 32, 32, 3], np.uint8))


def _of_rgb(place: pathlib.Path) -> None:
    (place / "encoder").unlink()
    told = {"to_lab": False}
    video_encoder_file.save(video_encoder.VideoEncoder(_SMALL), place / "encoder", told)


@pytest.mark.parametrize(
    ("arguments", "change", "said"),
    [
        (("--set=IFO.im_w=64",), None, "sees pictures of 32 pixels, but IFO.im_w is 64"),
        ((), _of_rgb, "sees RGB, but pictures are turned to CIE Lab here"),
        ((), _shorter, "videos/train/0/0.npy has 12 frames, expected at least 16"),
        (("--set=IFO.episode_len=6",), None, "episode_len is 6, expected at least 7"),
        (("--gin_bindings=drq.observation = 'state'",), None, "this agent sees is IFO.observation"),
        (("--set=drq.num_seed_frames=3",), None, "drq.num_seed_frames is 3, so that the encoder w"),
        (
            ("--set=drq.num_seed_frames=15",),
            None,
            "drq.num_seed_frames is 15, so that the encoder w",
        ),
        (("--set=IFO.encoder_dir=none",), None, "there is no video encoder in none: train one"),
        (("--set=IFO.video_dir=none",), None, "there are no videos in none/train/0"),
        (("--set=IFO.observation=image",), None, "IFO.observation must be one of ('pixels', 'emb"),
        (("--set=IFO.similarity=dot",), None, "IFO.similarity must be one of ('cosine', 'neg"),
        (("--set=IFO.expert_videos_per_episode=4",), None, "is 4, expected 1 to 3"),
        (("--set=drq.observation=state",), None, "there is no option drq.observation"),
        (("--video",), None, "online_train_eval.video is not for IFO"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(arguments, change, said, place):
    if change:
        change(place)
    done = _run(*arguments)
    assert done.status == 1 and said in done.errors[-1]
    assert not pathlib.Path("runs").exists()


def test_the_shipped_settings_are_read():
    options.configure("PARTICLE_REACH", settings=["seed=3"])
    chosen = options.Ifo()
    assert (chosen.im_w, chosen.observation, chosen.agent_options().stack) == (32, "state", 1)
    assert run_config.OnlineConfig().seed == 3
    options.configure("Pendulum-v1")
    published = options.Ifo()
    assert (published.observation, published.batch_size, published.negatives_limit) == (
        "pixels", 16, 5000,
    )  # fmt: skip
    agent = published.agent_options()
    first = 2 * published.batch_size * published.episode_len
    assert agent.num_expl_steps == first == agent.num_seed_frames // agent.action_repeat
    options.configure("Pendulum-v1", ["ifo_embeddings.gin"])
    of_embeddings = options.Ifo()
    assert of_embeddings.objective().seq_only
    assert of_embeddings.agent_options().num_seed_frames == agent.num_seed_frames
    assert (of_embeddings.similarity, of_embeddings.update_encoder_until_frame) == (
        "negative_distance", 200_000,
    )  # fmt: skip
