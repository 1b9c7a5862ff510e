"""Exports policies as SavedModels, and their weights at intervals, whole or not at all."""

import pathlib
import shutil

import tensorflow as tf
from tensorflow.python.saved_model import save_context
from tf_agents.agents import tf_agent
from tf_agents.policies import policy_saver, tf_policy
from tf_agents.train import learner

from ibc.agents import greedy_policy
from ibc.train.loop import schedule
from ibc.train.run import policy_parts
from ibc.utils import atomic_file
from ibc.utils.parallel import lanes


def saver(
    policy: tf_policy.TFPolicy,
    train_step: tf.Variable | None = None,
    traced: policy_parts.Traced | None = None,
) -> policy_saver.PolicySaver:
    """Returns what saves a policy for any batch size, with the functions of `policy_parts`.

    Args:
      policy: The policy.
      train_step: Training steps behind it.
      traced: Functions that policies made of the same share.
    """
    # What is traced outside of this context is traced again to be saved.
    with save_context.save_context(tf.saved_model.SaveOptions()):
        with policy_parts.tracing_once(policy, traced or policy_parts.Traced()) as functions:
            made = policy_saver.PolicySaver(policy, batch_size=None, train_step=train_step)
        for name, function in functions.items():
            setattr(made.policy, name, function)
    return made


class PolicyExporter(schedule.MultiplesTrigger):
    """Writes weights every `interval` steps, and SavedModels of the policies.

    Folders are those of TF-Agents' PolicySavedModelTrigger: policy/, greedy_policy/,
    collect_policy/ hold SavedModels, checkpoints/policy_checkpoint_<step>/ hold weights for
    them. Beside a model stands policy.json, its description. The models are written at the first
    interval and again by `save_models`, those of one policy under two names only once.
    """

    def __init__(
        self,
        folder: str | pathlib.Path,
        agent: tf_agent.TFAgent,
        train_step: tf.Variable,
        interval: int,
    ):
        self._folder = pathlib.Path(folder)
        self._train_step = train_step
        self._policies = {
            learner.RAW_POLICY_SAVED_MODEL_DIR: agent.policy,
            learner.GREEDY_POLICY_SAVED_MODEL_DIR: greedy_policy.SeededGreedyPolicy(agent.policy),
            learner.COLLECT_POLICY_SAVED_MODEL_DIR: agent.collect_policy,
        }
        self._savers: dict[str, policy_saver.PolicySaver] = {}
        self._traced = policy_parts.Traced()
        self._models_step: int | None = None
        super().__init__(interval, self._save_interval)

    def save_models(self) -> None:
        """Writes the SavedModels with the present weights, unless they have just been written."""
        step = int(self._train_step.numpy())
        if step == self._models_step:
            return
        written: dict[int, pathlib.Path] = {}
        for name, policy in self._policies.items():
            with atomic_file.replacing_folder(self._folder / name) as temporary:
                if id(policy) in written:
                    shutil.copytree(written[id(policy)], temporary)
                else:
                    self._saver(name).save(str(temporary))
                    described = policy_parts.describe(policy, step)
                    if described is not None:
                        described.write(temporary)
            written.setdefault(id(policy), self._folder / name)
        self._models_step = step

    def save_weights(self, folder: pathlib.Path) -> None:
        """Writes the present weights to a folder, for the SavedModels to take."""
        with atomic_file.replacing_folder(folder) as temporary:
            self._saver(learner.RAW_POLICY_SAVED_MODEL_DIR).save_checkpoint(str(temporary))

    def is_written(self, step: int) -> bool:
        """Whether the weights of a step have been written."""
        return self._weights_folder(step).exists()

    def _save_interval(self) -> None:
        if not (self._folder / learner.COLLECT_POLICY_SAVED_MODEL_DIR).exists():
            self.save_models()
        self.save_weights(self._weights_folder(int(self._train_step.numpy())))

    def _weights_folder(self, step: int) -> pathlib.Path:
        return self._folder / learner.POLICY_CHECKPOINT_DIR / f"policy_checkpoint_{step:010d}"

    def _saver(self, name: str) -> policy_saver.PolicySaver:
        """Builds a saver when it is first needed: it traces the policy."""
        if name not in self._savers:
            # Where it will act, nothing is known of this process's lanes.
            with lanes.limited_to(1):
                self._savers[name] = saver(self._policies[name], self._train_step, self._traced)
        return self._savers[name]
