"""Agents and policies over images: how often an image is encoded, and what they export."""

import json

import gin
import numpy as np
import pytest
import tensorflow as tf
from tf_agents.policies import policy_saver
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from ibc.agents import greedy_policy, ibc_agent, ibc_policy, mdn_agent, mse_agent
from ibc.networks import conv_mlp_explicit, pixel_ebm
from ibc.networks.encoders import image_encoders
from ibc.networks.layers import normalizers
from ibc.samplers import action_space
from tests import agent_testing, commands

OBS_SPEC = {
    "angle": tensor_spec.TensorSpec([2, 1], tf.float32, "angle"),
    "rgb": tensor_spec.TensorSpec([2, 24, 32, 3], tf.uint8, "rgb"),
}
TIME_STEP_SPEC = ts.time_step_spec(OBS_SPEC)
ACTION_SPEC = tensor_spec.BoundedTensorSpec([2], tf.float32, -0.1, 0.1, "action")
SAMPLING_SPEC = tensor_spec.BoundedTensorSpec([2], tf.float32, -1.0, 1.0)
OBS_NORM = normalizers.NestedLayer(
    {
        "angle": normalizers.StdNormalizationLayer(np.zeros(1), np.ones(1)),
        "rgb": normalizers.ImageNormalizationLayer(np.full(3, 0.4), np.full(3, 0.3)),
    }
)
ACT_DENORM = normalizers.StdDenormalizationLayer(np.zeros(2), np.full(2, 0.1))
SPACE = action_space.ActionSpace.bounded(ACTION_SPEC, SAMPLING_SPEC, ACT_DENORM)
SIZE = dict(target_height=16, target_width=16)
_UNIFORM = dict(fraction_langevin_samples=0.0, add_grad_penalty=False)


@pytest.fixture(autouse=True)
def _small_and_deterministic():
    gin.parse_config(
        "DenseResnetValue.width = 256\n"
        "DenseResnetValue.num_blocks = 1\n"
        "IbcPolicy.num_action_samples = 256\n"
        "MdnPolicy.greedy_samples = False\n"
    )


@pytest.fixture
def encodings(monkeypatch):
    """The number of images in each call of the encoder."""
    calls = []
    encode = image_encoders.ConvMaxpoolEncoder.call

    def counted(self, images):
        calls.append(int(images.shape[0]))
        return encode(self, images)

    monkeypatch.setattr(image_encoders.ConvMaxpoolEncoder, "call", counted)
    return calls


def _energy():
    network = pixel_ebm.PixelEBM(OBS_SPEC, tf.TensorSpec([2]), **SIZE)
    network.create_variables()
    return network


def _shared():
    return dict(
        optimizer=tf.keras.optimizers.legacy.Adam(1e-3),
        obs_norm_layer=OBS_NORM,
        train_step_counter=agent_testing.step_counter(),
    )


def _implicit_agent(**options):
    options = {"num_counter_examples": 16, **options}
    return ibc_agent.ImplicitBCAgent(TIME_STEP_SPEC, SPACE, _energy(), **_shared(), **options)


def _explicit_agent(agent, network):
    options = dict(width=16, rate=0.0, act_denorm_layer=ACT_DENORM, **SIZE)
    return agent(TIME_STEP_SPEC, SPACE, network(OBS_SPEC, ACTION_SPEC, **options), **_shared())


def _regression_agent():
    return _explicit_agent(mse_agent.MseBehavioralCloningAgent, conv_mlp_explicit.ConvMLPMSE)


def _mixture_agent():
    return _explicit_agent(mdn_agent.MdnBehavioralCloningAgent, conv_mlp_explicit.ConvMLPMDN)


def _time_step(size=6):
    """Every other picture is bright."""
    images = np.random.RandomState(0).randint(100, 150, (size, 2, 24, 32, 3))
    images[1::2] += 100
    observation = {"angle": tf.zeros([size, 2, 1]), "rgb": tf.constant(images, tf.uint8)}
    return ts.restart(observation, size)


def _experience(size=6):
    """Normalized actions are (−0.5, 0.5) for dark pictures, (0.5, −0.5) for bright ones."""
    sign = np.arange(size) % 2 - 0.5
    actions = tf.constant(np.stack([sign, -sign], axis=-1), tf.float32)
    return OBS_NORM(_time_step(size).observation), actions


@pytest.mark.parametrize(
    "options",
    [
        dict(fraction_langevin_samples=1.0, add_grad_penalty=True, compute_mse=True),
        dict(fraction_dfo_samples=0.5, fraction_langevin_samples=0.5),
        _UNIFORM,
        dict(ebm_loss_type="cd_kl"),
    ],
)
def test_training_encodes_each_image_once(encodings, options):
    agent = _implicit_agent(**options)
    encodings.clear()
    agent.train(_experience())
    assert encodings == [6]
    encodings.clear()
    agent.loss(_experience())
    assert encodings == [6]


@pytest.mark.parametrize(
    "options",
    [dict(use_dfo=True, use_langevin=False), dict(use_dfo=True, optimize_again=True)],
)
def test_acting_encodes_each_image_once(encodings, options):
    options = dict(obs_norm_layer=OBS_NORM, **options)
    policy = ibc_policy.IbcPolicy(TIME_STEP_SPEC, SPACE, _energy(), **options)
    encodings.clear()
    action = greedy_policy.SeededGreedyPolicy(policy).action(_time_step()).action
    assert encodings == [6] and action.shape == (6, 2)


@pytest.mark.parametrize(
    "make", [lambda: _implicit_agent(**_UNIFORM), _regression_agent, _mixture_agent]
)
def test_actions_that_depend_on_the_image_are_learned(make):
    tf.keras.utils.set_random_seed(0)
    agent, experience = make(), _experience()
    train = tf.function(lambda: agent.train(experience).loss)
    for _ in range(200):
        train()
    policy = greedy_policy.SeededGreedyPolicy(agent.policy)
    action = policy.action(_time_step(), seed=0).action
    np.testing.assert_allclose(action, ACT_DENORM(experience[1]), atol=0.03)


_LOAD = """
import json, sys
import numpy as np
import tensorflow as tf
inputs = dict(np.load(sys.argv[1]))
for path in sys.argv[2:]:
    act = tf.saved_model.load(path).signatures["action"]
    specs = act.structured_input_signature[1]
    assert specs["arg_0_observation_rgb"].dtype == tf.uint8
    print(json.dumps(act(**{name: inputs[name] for name in specs})["action"].numpy().tolist()))
others = ("ibc", "tf_agents", "tensorflow_probability")
assert not [name for name in sys.modules if name.split(".")[0] in others]
"""


def test_exported_policies_act_on_stored_images_with_tensorflow_alone(tmp_path):
    agents = dict(ebm=_implicit_agent(), mse=_regression_agent(), mdn=_mixture_agent())
    policies = {name: greedy_policy.SeededGreedyPolicy(agents[name].policy) for name in agents}
    for name, policy in policies.items():
        policy_saver.PolicySaver(policy, batch_size=None).save(str(tmp_path / name))
    time_step = _time_step()
    inputs = {f"observation_{key}": value for key, value in time_step.observation.items()}
    inputs |= {name: getattr(time_step, name) for name in ("step_type", "reward", "discount")}
    np.savez(tmp_path / "inputs.npz", **{f"arg_0_{k}": v.numpy() for k, v in inputs.items()})
    run = commands.python("-c", _LOAD, "inputs.npz", *policies, cwd=tmp_path)
    assert run.returncode == 0, run.stderr[-3000:]
    actions = dict(zip(policies, map(json.loads, run.stdout.splitlines()), strict=True))
    assert np.abs(actions["ebm"]).max() <= 0.1 and np.shape(actions["ebm"]) == (6, 2)
    for name in ("mse", "mdn"):
        expected = policies[name].action(time_step).action
        np.testing.assert_allclose(actions[name], expected, rtol=1e-4, atol=1e-6)
