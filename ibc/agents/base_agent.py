"""What all behavioral cloning agents share: TF-Agents' interface around a training step."""

import abc
import contextlib
from collections.abc import Callable, Iterator

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.networks import network
from tf_agents.policies import tf_policy
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import training_step
from ibc.samplers import action_space as action_space_lib


class NetworkPolicy(tf_policy.TFPolicy):
    """A policy that acts by what a network gives for normalized observations."""

    def __init__(
        self,
        time_step_spec: ts.TimeStep,
        action_space: action_space_lib.ActionSpace,
        actor_network: network.Network,
        clip: bool = True,
        obs_norm_layer: Callable[[types.NestedTensor], types.NestedTensor] | None = None,
        name: str | None = None,
        **specs: types.NestedTensorSpec,
    ):
        """Creates the policy.

        Args:
          time_step_spec: Spec of the environment's time steps, observation windows [T, ...].
          action_space: What actions look like, in the environment and normalized.
          actor_network: The network.
          clip: Clips actions to the environment's spec.
          obs_norm_layer: Normalizes observations; None leaves them as they are.
          name: Name of the policy.
          **specs: Passed to TF-Agents.
        """
        self._once = None
        self._action_space = action_space
        self._actor_network = actor_network
        self._obs_norm_layer = obs_norm_layer
        super().__init__(time_step_spec, action_space.spec, clip=clip, name=name, **specs)

    @property
    def action_space(self) -> action_space_lib.ActionSpace:
        """What actions look like, in the environment and normalized."""
        return self._action_space

    def score_fn(self, time_step: ts.TimeStep) -> Callable[[tf.Tensor], tf.Tensor] | None:
        """Returns what scores normalized actions [B, N, A] as [B, N], for a batch of B time steps.

        None if nothing does: only an energy tells how good every action is.
        """
        del time_step
        return None

    def candidates(
        self, time_step: ts.TimeStep, seed: types.Seed | None, policy_state: types.NestedTensor = ()
    ) -> tf.Tensor:
        """Returns the actions [B, N, ...] that the greedy one is chosen among: here, one.

        Args:
          time_step: Batched time step, B rows.
          seed: As for `action`.
          policy_state: State of the step before.
        """
        return self.action(time_step, policy_state, seed).action[:, tf.newaxis]

    @contextlib.contextmanager
    def tracing_once(self, traced: dict[str, Callable[..., types.NestedTensor]]) -> Iterator[None]:
        """Within, what its functions have in common is traced once, and called by all of them.

        Args:
          traced: Name of a method → what it was traced as; what is traced is added.
        """

        def once(method):
            return traced.setdefault(method.__name__, tf.function(method, autograph=False))

        self._once = once
        try:
            yield
        finally:
            self._once = None

    def once(self, method: Callable[..., types.NestedTensor]) -> Callable[..., types.NestedTensor]:
        """Returns a method of this policy, within `tracing_once` as a function traced once."""
        return self._once(method) if self._once else method

    @property
    def obs_norm_layer(self) -> Callable[[types.NestedTensor], types.NestedTensor] | None:
        """Normalizes observations; None leaves them as they are."""
        return self._obs_norm_layer

    def _normalized(self, observation: types.NestedTensor) -> types.NestedTensor:
        return observation if self._obs_norm_layer is None else self._obs_norm_layer(observation)


class BehavioralCloningBaseAgent(tf_agent.TFAgent, abc.ABC):
    """Trains a network on (observation, action) pairs.

    The experience is `(observation, action)`, see `training_step.Experience`. No summary is written
    here: `LossInfo.extra` holds scalars under their names in `utils.tags`, without prefix.
    """

    policy_class: Callable[..., tf_policy.TFPolicy]
    """Made of a time step spec, an action space, the network and an `obs_norm_layer`."""

    def __init__(
        self,
        time_step_spec: ts.TimeStep,
        action_space: action_space_lib.ActionSpace,
        cloning_network: network.Network,
        optimizer: types.Optimizer,
        obs_norm_layer: Callable[[types.NestedTensor], types.NestedTensor] | None = None,
        debug_summaries: bool = False,
        summarize_grads_and_vars: bool = False,
        train_step_counter: tf.Variable | None = None,
        seed: int = 0,
        jit_compile: bool = False,
        name: str | None = None,
    ):
        """Creates the agent and its policy, for evaluation and collection.

        Args:
          time_step_spec: Spec of the environment's time steps, observation windows [T, ...].
          action_space: What actions look like, in the environment and normalized.
          cloning_network: The network to train.
          optimizer: Keras optimizer.
          obs_norm_layer: Normalizes the policy's observations; training data are normalized.
          debug_summaries: Kept for TF-Agents; all scalars are always in `LossInfo.extra`.
          summarize_grads_and_vars: Adds the global norm `variables_norm` to `gradients_norm`.
          train_step_counter: Incremented once per training step; defaults to the global step.
          seed: Seed of everything random in the loss.
          jit_compile: Compiles loss and gradients with XLA.
          name: Name of the agent.
        """
        tf.Module.__init__(self, name=name)
        cloning_network.create_variables()
        self._action_space = action_space
        self._cloning_network = cloning_network
        self._optimizer = optimizer
        policy = self.policy_class(
            time_step_spec, action_space, cloning_network, obs_norm_layer=obs_norm_layer
        )
        super().__init__(
            time_step_spec,
            action_space.spec,
            policy,
            collect_policy=policy,
            train_sequence_length=None,
            debug_summaries=debug_summaries,
            summarize_grads_and_vars=summarize_grads_and_vars,
            train_step_counter=train_step_counter,
        )
        self._step = training_step.TrainingStep(
            self._losses,
            self._rows_per_example,
            cloning_network,
            optimizer,
            self.train_step_counter,
            seed,
            jit_compile,
        )

    @property
    def cloning_network(self) -> network.Network:
        """The network being trained."""
        return self._cloning_network

    @property
    def learning_rate(self) -> float:
        """The learning rate of the latest step."""
        rate = self._optimizer.learning_rate
        if callable(rate):  # Legacy optimizers give their schedule.
            rate = rate(tf.maximum(tf.convert_to_tensor(self._optimizer.iterations) - 1, 0))
        return float(tf.convert_to_tensor(rate))

    def act_by(self, policy: tf_policy.TFPolicy) -> None:
        """Replaces the policy, in evaluation, collection and export, by one that is made of it."""
        self._policy = self._collect_policy = policy

    def _initialize(self) -> None:
        """Creates the optimizer's variables: a first step that creates some is traced twice."""
        variables = self._cloning_network.trainable_variables
        if isinstance(self._optimizer, tf.keras.optimizers.legacy.Optimizer):
            self._optimizer._create_all_weights(variables)
        else:
            self._optimizer.build(variables)

    @abc.abstractmethod
    def _losses(
        self, experience: training_step.Experience, step: training_step.Step
    ) -> training_step.Losses:
        """Computes the loss of each example: float32 [B], and scalars to report."""

    def _rows_per_example(self) -> int:
        """Returns how many rows of activations an example takes, for blocks that fit the caches."""
        return 1

    def _loss(
        self,
        experience: training_step.Experience,
        weights: types.Tensor | None = None,
        training: bool = False,
    ) -> tf_agent.LossInfo:
        """Computes the loss at the current step without training; weights [B] are optional."""
        return self._step.loss(experience, weights, training)

    def _train(
        self, experience: training_step.Experience, weights: types.Tensor | None = None
    ) -> tf_agent.LossInfo:
        """Makes one optimizer step, see `TrainingStep.train`."""
        return self._step.train(experience, weights, self.summarize_grads_and_vars)

    def examine(
        self, experience: training_step.Experience, replica: int = 0, replicas: int = 1
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor], list[tf.Tensor]]:
        """Computes again what a training step at this step would, see `TrainingStep.examine`."""
        return self._step.examine(experience, replica, replicas)
