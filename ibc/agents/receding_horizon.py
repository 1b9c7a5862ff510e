"""Acting by chunks: plan a few actions, execute some, look again.

An agent of action sequences acts in another space than the environment: one of its actions stands
for the next P of the robot's. This policy turns one into the other, step by step.
"""

import tensorflow as tf
from tf_agents.policies import tf_policy
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import distributions, greedy_policy, sequence_coding


class RecedingHorizonPolicy(tf_policy.TFPolicy):
    """Gives one action per step, and plans again when `action_steps` of them are executed.

    Its state is the plan, so every row of a batch plans when its own episode asks for it. A new
    episode plans at once. A plan of P actions lies in the state shifted, the next action first.
    """

    def __init__(
        self,
        time_step_spec: ts.TimeStep,
        action_spec: types.BoundedTensorSpec,
        planner: tf_policy.TFPolicy,
        coding: sequence_coding.SequenceCoding,
        chunk_steps: int,
        action_steps: int,
        latency_steps: int = 0,
        temporal_ensemble: float | None = None,
        name: str = "RecedingHorizonPolicy",
    ):
        """Creates the policy.

        Args:
          time_step_spec: Spec of the environment's time steps, observation windows [To, ...].
          action_spec: Spec of the environment's action, [A].
          planner: Policy of the same time steps, whose actions stand for chunks.
          coding: Decodes them.
          chunk_steps: P, actions of a chunk, those that come too late included.
          action_steps: Actions to execute before planning again.
          latency_steps: l, steps that pass before a plan can be executed: it is made from what was
            observed l steps ago (at an episode's start: from the first observation), and its
            first l actions are dropped.
          temporal_ensemble: If given, a step's action is the average over all plans that reach it,
            plan i from the oldest on weighted by exp(−temporal_ensemble · i) (Zhao et al., 2023,
            arXiv 2304.13705); otherwise the newest plan's.
          name: Name of the policy.

        Raises:
          ValueError: A chunk has too few actions.
        """
        check_action_steps(action_steps, chunk_steps - latency_steps)
        self._planner = planner
        self._chunk_steps = chunk_steps
        self._greedy_planner = greedy_policy.SeededGreedyPolicy(planner)
        self._coding = coding
        self._action_steps = action_steps
        self._latency_steps = latency_steps
        self._temporal_ensemble = temporal_ensemble
        planned = chunk_steps - latency_steps
        state_spec = {
            "plan": tf.TensorSpec([planned, *action_spec.shape], tf.float32, "plan"),
            "weight": tf.TensorSpec([planned], tf.float32, "weight"),
            "executed": tf.TensorSpec([], tf.int32, "executed"),
            "planner": planner.policy_state_spec,
            "seen": [
                tf.nest.map_structure(
                    lambda spec: tf.TensorSpec(spec.shape, spec.dtype), time_step_spec.observation
                )
                for _ in range(latency_steps)
            ],
        }
        super().__init__(time_step_spec, action_spec, policy_state_spec=state_spec, name=name)

    @property
    def steps(self) -> dict[str, int | float | None]:
        """How chunks are executed, by the names of the constructor."""
        return dict(
            chunk_steps=self._chunk_steps,
            action_steps=self._action_steps,
            latency_steps=self._latency_steps,
            temporal_ensemble=self._temporal_ensemble,
        )

    def _variables(self):
        return [*self._planner.variables(), *self._coding.variables]

    def _action(
        self,
        time_step: ts.TimeStep,
        policy_state: types.NestedTensor,
        seed: types.Seed | None = None,
    ) -> policy_step.PolicyStep:
        return self._act(self._planner, time_step, policy_state, seed)

    def seeded_distribution(
        self, time_step: ts.TimeStep, seed: types.Seed | None, policy_state: types.NestedTensor = ()
    ) -> policy_step.PolicyStep:
        """Returns the action of the planner's most probable plans, as a distribution.

        Args:
          time_step: Batched time step, B rows.
          seed: As for the planner's `action`.
          policy_state: State of the step before, or `get_initial_state(B)`.
        """
        step = self._act(self._greedy_planner, time_step, policy_state, seed)
        return step._replace(action=distributions.point(step.action))

    def plan(self, time_step: ts.TimeStep, seed: types.Seed | None = None) -> tf.Tensor:
        """Returns whole chunks [B, P, A], the most probable plans from what is observed now.

        Args:
          time_step: Batched time step, B rows.
          seed: As for the planner's `action`.
        """
        rows = tf.shape(time_step.step_type)[0]
        state = self._greedy_planner.get_initial_state(rows)
        step = self._greedy_planner.action(time_step, state, seed)
        return self._coding.decode(time_step.observation, step.action)

    @property
    def planner(self) -> tf_policy.TFPolicy:
        """The policy whose actions stand for chunks."""
        return self._planner

    @property
    def coding(self) -> sequence_coding.SequenceCoding:
        """What the planner's actions stand for."""
        return self._coding

    @property
    def action_steps(self) -> int:
        """Actions that are executed before the next plan."""
        return self._action_steps

    def basis(
        self, time_step: ts.TimeStep, policy_state: types.NestedTensor
    ) -> tuple[ts.TimeStep, tf.Tensor]:
        """Returns what plans are made from at a step, and which rows make one, bool [B].

        Args:
          time_step: Batched time step, B rows.
          policy_state: State of the step before, or `get_initial_state(B)`.
        """
        seen = self._seen(time_step, policy_state)
        return time_step._replace(observation=seen[0]), self._due(time_step, policy_state)

    def executable(self, observation: types.NestedTensor, action: tf.Tensor) -> tf.Tensor:
        """Returns what follows from a planner's actions [B, K]: chunks [B, P − l, A].

        Args:
          observation: What the plans were made from, [B, To, ...].
          action: The planner's.
        """
        return self._coding.decode(observation, action)[:, self._latency_steps :]

    def _seen(self, time_step: ts.TimeStep, state: types.NestedTensor) -> list[types.NestedTensor]:
        """Returns observations from the oldest to the newest; a plan is made from the oldest."""
        is_first, newest = time_step.is_first(), time_step.observation
        return [*(_where(is_first, newest, earlier) for earlier in state["seen"]), newest]

    def _due(self, time_step: ts.TimeStep, state: types.NestedTensor) -> tf.Tensor:
        return time_step.is_first() | (state["executed"] >= self._action_steps)

    def _distribution(
        self, time_step: ts.TimeStep, policy_state: types.NestedTensor
    ) -> policy_step.PolicyStep:
        return self.seeded_distribution(time_step, None, policy_state)

    def _act(
        self,
        planner: tf_policy.TFPolicy,
        time_step: ts.TimeStep,
        state: types.NestedTensor,
        seed: types.Seed | None,
    ) -> policy_step.PolicyStep:
        is_first = time_step.is_first()
        seen, due = self._seen(time_step, state), self._due(time_step, state)
        kept = tf.where(is_first[:, tf.newaxis], 0.0, state["weight"])

        def planned():
            as_seen = time_step._replace(observation=seen[0])
            step = planner.action(as_seen, state["planner"], seed)
            chunk = self.executable(seen[0], step.action)
            plan, weight = self._merged(chunk, state["plan"], kept)
            return (
                _where(due, plan, state["plan"]),
                _where(due, weight, kept),
                tf.where(due, 0, state["executed"]),
                _where(due, step.state, state["planner"]),
            )

        def unchanged():
            return state["plan"], kept, state["executed"], state["planner"]

        plan, weight, executed, planner_state = tf.cond(tf.reduce_any(due), planned, unchanged)
        new_state = {
            "plan": _shifted(plan),
            "weight": _shifted(weight),
            "executed": executed + 1,
            "planner": planner_state,
            "seen": seen[1:],
        }
        return policy_step.PolicyStep(tf.cast(plan[:, 0], self.action_spec.dtype), new_state)

    def _merged(
        self, chunk: tf.Tensor, plan: tf.Tensor, weight: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Averages a new chunk [B, P, A] with what earlier ones have planned for the same steps.

        The weights [B, P] are those of earlier chunks together, in units of the new one's.
        """
        if self._temporal_ensemble is None:
            return chunk, tf.ones_like(weight)
        share = (1 / (weight + 1))[..., tf.newaxis]
        average = share * chunk + (1 - share) * plan
        return average, (weight + 1) * tf.exp(float(self._temporal_ensemble))


def check_action_steps(action_steps: int, executable: int) -> None:
    """Raises ValueError unless a plan has as many actions to execute as are to be."""
    if not 1 <= action_steps <= executable:
        raise ValueError(
            f"train_eval.action_steps is {action_steps}, but a chunk has {executable} actions to "
            f"execute: choose 1 to {executable}, or raise train_eval.action_horizon."
        )


def _shifted(values: tf.Tensor) -> tf.Tensor:
    """Drops the first of [B, P, ...] and appends zeros."""
    return tf.concat([values[:, 1:], tf.zeros_like(values[:, :1])], axis=1)


def _where(
    condition: tf.Tensor, nest: types.NestedTensor, other: types.NestedTensor
) -> types.NestedTensor:
    """Chooses row by row [B] between two nests of tensors [B, ...]."""

    def choose(values, others):
        shape = tf.concat([tf.shape(condition), tf.ones(values.shape.rank - 1, tf.int32)], 0)
        return tf.where(tf.reshape(condition, shape), values, others)

    return tf.nest.map_structure(choose, nest, other)
