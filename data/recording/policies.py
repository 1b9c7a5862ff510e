"""The policy that is run: random, a task's oracle, the user's own, a recording, an exported one."""

import os
from typing import Any

import numpy as np
import tensorflow as tf
from tf_agents.environments import py_environment
from tf_agents.policies import py_policy, py_tf_eager_policy, random_py_policy
from tf_agents.specs import tensor_spec

from ibc.data.recording import options as recording_options
from ibc.data.recording import own_policy, replayed
from ibc.data.records import specs
from ibc.environments import suite, tasks
from ibc.runtime import description, folders

_VARIABLES = os.path.join("variables", "variables")
_WEIGHTS = "model_variables/"
_LISTED = 3


def load_environment(
    options: recording_options.EvaluationOptions, max_episode_steps: int | None = None
) -> py_environment.PyEnvironment:
    """Loads the environment that options ask for; a replay's starts where recordings do.

    Args:
      options: What is to be run.
      max_episode_steps: See `suite.load`.

    Raises:
      FileNotFoundError, ValueError: There is no such variant, or the recordings do not fit it.
    """
    env = _load_environment(options, _history_length(options), max_episode_steps)
    if options.policy != recording_options.REPLAY:
        return env
    num_episodes = options.last_number + 1
    return replayed.load(options.replay_path, env, options.task, num_episodes)


def _load_environment(
    options: recording_options.EvaluationOptions,
    history_length: int | None,
    max_episode_steps: int | None = None,
) -> py_environment.PyEnvironment:
    return suite.load(
        options.task,
        history_length=history_length,
        use_image_obs=options.use_image_obs,
        shared_memory=options.shared_memory,
        flatten=options.flatten_env,
        max_episode_steps=max_episode_steps,
    )


def _history_length(options: recording_options.EvaluationOptions) -> int | None:
    """Returns how many observations a frame has: as asked for, or as an exported policy needs."""
    if options.history_length is not None or options.saved_model_path is None:
        return options.history_length
    folder = folders.find(options.saved_model_path)
    described = description.read(folder)
    if described is not None:
        return described.frames
    # An older export tells only the shapes, with or without a history.
    env = _load_environment(options, None)
    frame = [leaf.shape for leaf in tf.nest.flatten(env.observation_spec())]
    env.close()
    observation = _load(str(folder)).time_step_spec.observation
    seen = [tuple(leaf.shape) for leaf in tf.nest.flatten(observation)]
    lengths = {shape[0] for shape in seen if shape}
    fits = [shape[1:] for shape in seen] == frame and len(lengths) == 1
    return lengths.pop() if fits else None


def picture_bindings(options: recording_options.EvaluationOptions) -> tuple[str, ...]:
    """Returns gin bindings that give images the size which an exported policy looks at."""
    if options.saved_model_path is None or not options.use_image_obs:
        return ()
    described = description.read(folders.find(options.saved_model_path))
    images = [f for f in (described.observation.values() if described else ()) if len(f.shape) == 3]
    task = tasks.get_task(options.task)
    if len(images) != 1 or task.picture_parameters is None:
        return ()
    return task.picture_bindings(images[0].shape[:2])


def make(
    options: recording_options.Options, env: py_environment.PyEnvironment, seed: int
) -> py_policy.PyPolicy:
    """Returns the policy that options ask for.

    Raises:
      ValueError: It does not fit the environment.
    """
    if getattr(options, "saved_model_path", None) is not None:
        return _exported(options, env, seed)
    if options.policy == "random":
        bounds = env.action_spec().minimum, env.action_spec().maximum
        # TF-Agents has the largest number for infinity.
        if np.max(np.abs(bounds)) >= np.finfo(np.float32).max:
            raise ValueError(
                f"policy 'random' draws actions within their bounds, but task {options.task} has "
                "none; register it with a wrapper around it that sets some."
            )
        return random_py_policy.RandomPyPolicy(env.time_step_spec(), env.action_spec(), seed=seed)
    if options.policy == recording_options.REPLAY:
        return replayed.ReplayPolicy(env)
    if recording_options.is_users(options.policy):
        has_history = options.history_length is not None
        return own_policy.OwnPolicy(env, options.policy, seed, has_history)
    return tasks.get_task(options.task).oracle_class(options.policy)(env, seed=seed)


def draws(policy: py_policy.PyPolicy) -> dict[str, Any]:
    """Returns the states of a policy's random numbers, as JSON has them."""
    states = {}
    for name, value in vars(policy).items():
        if isinstance(value, np.random.RandomState):
            kind, words, *rest = value.get_state()
            states[name] = [kind, words.tobytes().hex(), *rest]
    return states


def set_draws(policy: py_policy.PyPolicy, states: dict[str, Any]) -> None:
    """Has a policy draw on from states that `draws` has returned."""
    for name, (kind, words, *rest) in states.items():
        vars(policy)[name].set_state((kind, np.frombuffer(bytes.fromhex(words), np.uint32), *rest))


def _exported(
    options: recording_options.EvaluationOptions, env: py_environment.PyEnvironment, seed: int
) -> py_policy.PyPolicy:
    """Loads an exported policy and checks that it fits the environment."""
    tf.random.set_seed(seed)
    saved_model_path = str(folders.find(options.saved_model_path))
    policy = _load(saved_model_path)
    pairs = {
        "observation": (env.observation_spec(), policy.time_step_spec.observation),
        "action": (env.action_spec(), policy.action_spec),
    }
    misfits = [
        line
        for part, pair in pairs.items()
        for line in specs.differences(*map(tensor_spec.from_spec, pair), part)
    ]
    if misfits:
        raise ValueError(
            f"{options.saved_model_path} was made for another environment than {options.task}: "
            f"{'; '.join(misfits)}; check --task, --history_length, --flatten_env and "
            "--gin_bindings."
        )
    if options.checkpoint_path is not None:
        _update(policy, saved_model_path, options.checkpoint_path)
    return policy


def _load(saved_model_path: str) -> py_tf_eager_policy.SavedModelPyTFEagerPolicy:
    try:
        return py_tf_eager_policy.SavedModelPyTFEagerPolicy(
            saved_model_path, load_specs_from_pbtxt=True
        )
    except Exception as error:  # whatever a damaged file makes TensorFlow or TF-Agents raise
        raise ValueError(
            f"--saved_model_path={saved_model_path} cannot be loaded as a policy "
            f"({specs.first_line(error)}); give a folder that training has exported, such as "
            "<root_dir>/policies/greedy_policy."
        ) from error


def _update(
    policy: py_tf_eager_policy.SavedModelPyTFEagerPolicy,
    saved_model_path: str,
    checkpoint_path: str,
) -> None:
    """Loads the weights of another training step into an exported policy."""
    try:
        found, expected = _shapes(checkpoint_path), _shapes(saved_model_path)
        differing = sorted(k for k in found | expected if found.get(k) != expected.get(k))
        if not differing:
            policy.update_from_checkpoint(checkpoint_path)
    except (tf.errors.OpError, ValueError, RuntimeError, AssertionError) as error:
        raise ValueError(
            f"--checkpoint_path={checkpoint_path} cannot be read ({specs.first_line(error)}); it "
            "is damaged: give the weights of another step."
        ) from error
    if differing:
        shown = "; ".join(
            f"{k} is {found.get(k, 'missing')}, not {expected.get(k, 'there')}"
            for k in differing[:_LISTED]
        )
        more = f"; {len(differing) - _LISTED} more" if len(differing) > _LISTED else ""
        raise ValueError(
            f"--checkpoint_path={checkpoint_path} has the weights of another network than "
            f"--saved_model_path={saved_model_path}: {shown}{more}. Give two of the same run."
        )


def _shapes(folder: str) -> dict[str, list[int]]:
    """Lists the shapes of the variables in a SavedModel's or a checkpoint's folder."""
    variables = tf.train.list_variables(os.path.join(folder, _VARIABLES))
    return {
        name.partition("/.")[0]: shape for name, shape in variables if name.startswith(_WEIGHTS)
    }
