"""What a training writes for TensorBoard: every tag, and what it means.

TensorBoard shows groups, and the tags in them, in alphabetical order. So the names decide that
success comes first, and the loss after it.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

REDUCED_LOSS = "reduced_loss"
SPEED = "RunTime/train_steps_per_sec"
LEARNING_RATE = "learning_rate"
ACTION_ERROR = "train_action_mse_error"
CONFIG, ABOUT_CONFIG = "config", "What the run was started with: its gin bindings."
SUCCESS, RETURN = "AverageSuccessMetric", "AverageReturn"
TELLING = (SUCCESS, "D4RLSuccess", "AverageMaxReward", RETURN)
"""Metrics by how much they tell."""

METRICS = {
    SUCCESS: "Share of the episodes that ended in success, from 0 to 1.",
    RETURN: "Sum of an episode's rewards, averaged over the episodes.",
    "AverageEpisodeLength": "Steps of an episode, averaged.",
    "AverageFinalGoalDistance": "Block pushing: distance to the goal at the end, in m.",
    "AverageFirstGoalDistance": "Particle: smallest distance to the first goal.",
    "AverageSecondGoalDistance": "Particle: smallest distance to the second goal.",
    "AverageFinalSecondGoalDistance": "Particle: distance to the second goal at the end.",
    "Goal": "Maze: share of the episodes that end at the goal.",
    "Corridor": "Maze: share of the episodes that went through both legs of the way.",
    "DtwToDemos": "Maze: how far paths are from demonstrations, in pixels.",
    "AverageMaxReward": "Push-T: largest reward of an episode, the published score.",
    "AverageFinalReward": "Push-T: reward of the last step.",
    "AverageStandingStill": "Push-T: share of the steps in which the disc hardly moves.",
    "D4RLSuccess": "D4RL: share of the episodes that were successes.",
    "NormalizedReturn": "D4RL: return from 0 (random actions) to 100 (D4RL's expert).",
    "KitchenScore": "D4RL's kitchen: elements completed in an episode.",
}
"""Metric of an evaluation → what it means. A task may have others."""

LOSSES = {
    "ebm_total_loss": (
        "Loss of the energy network, with its gradient penalty. Lower is better; the logarithm "
        "of 1 + the number of counter-examples is guessing."
    ),
    "mse_total_loss": "Mean squared error of the normalized action.",
    "mdn_total_loss": "Negative log-likelihood of the normalized action under the mixture.",
    "grad_loss": "Penalty on slopes of the energy above a margin; 0 where none is that steep.",
    "mse_counter_examples": "Mean squared distance from counter-examples to the true action.",
    "cd_loss": "Contrastive divergence: E(true action) − E(counter-example), averaged.",
    "kl_loss": "The term that contrastive divergence neglects, up to a constant.",
    "soft_loss": "Misfit of energies and distances near the true action.",
    "fraction_outside_threshold": "Share of counter-examples that are not near the true action.",
    "overall_energies_avg": "Prediction (−E) along the Langevin chains, averaged.",
    "first_energies_avg": "Prediction (−E) at the Langevin chains' first step.",
    "final_energies_avg": "Prediction (−E) at the chains' last step: higher than at the first.",
    "overall_grad_norms_avg": "Slope of the energy along the Langevin chains, averaged.",
    "first_grad_norms_avg": "Slope of the energy at the Langevin chains' first step.",
    "final_grad_norms_avg": "Slope of the energy at the Langevin chains' last step.",
}
"""Part of an agent's loss → what it means."""

INSIGHTS = {
    "counter_examples_above_true_action": (
        "Share of the counter-examples that the network prefers to the true action: 0.5 is "
        "guessing, 0 is perfect."
    ),
    "energy_counter_examples": "E(observation, counter-example), averaged; should be higher.",
    "energy_true_action": "E(observation, true action), averaged; should be lower.",
    "gradients_norm": "Norm of all gradients together, before clipping.",
    "variables_norm": "Norm of all weights together, with `summarize_grads_and_vars`.",
    LEARNING_RATE: "Learning rate of the latest step.",
}
"""What tells how training goes, besides losses → what it means."""

INTERACTION = {
    "test_returns": "Return of greedy episodes on the same seeds, averaged.",
    "test_returns_normalized": "The same between 0, random actions, and 1, the expert.",
    "success_rate": "Share of these episodes that were solved, where the task tells that.",
    "train_returns": "Return of an episode of collection.",
    "predicted_rewards": "Rewards that the latest batch was learned with, averaged.",
    "predicted_rewards_std": "Their standard deviation over the batch.",
    "alpha": "SAC's temperature.",
    "entropies": "−log π of the latest batch's new actions, averaged.",
    "entropies_std": "Their standard deviation over the batch.",
    "Q_values": "The lower critic's values of the latest batch, averaged.",
    "Q_values_std": "Their standard deviation over the batch.",
    "critic_loss": "Of both critics.",
    "actor_loss": "α · log π − Q, averaged.",
    "temperature_loss": "Moves α to the entropy aimed at.",
    "discriminator_loss": "GAIL: how badly the expert is told from the agent.",
    "gradient_penalty": "GAIL: its term in the discriminator's loss.",
    "entropy_bonus": "GAIL: its term in the discriminator's loss, not above 0.",
    "cloning_loss": "−log π of the expert's actions, averaged.",
    "embedding_loss": "RED: how badly the predictor knows the expert's data.",
    "reward_expert": "The learned reward of the expert's transitions, averaged; of trajectories "
    "that are not learned from, where there are such.",
    "reward_agent": "The learned reward of the agent's latest transitions, averaged.",
    "reward_random": "The same with random actions; with PWIL, of episodes of such.",
    "auc_agent": "Probability that an expert's transition is worth more than an agent's.",
    "auc_random": "Probability that it is worth more than one with a random action.",
}
"""What learning by interaction tells → what it means."""

ENERGY, EPISODE, WORTH = "energy", "episode", "worth"
PICTURES = {
    ENERGY: "With --viz_energy: the energy along an episode. Orange is chosen, small dots are "
    "samples, the ring is what the oracle would do.",
    EPISODE: "With --video: the first episode that failed, or the one of the task's choice.",
    WORTH: "Learning by interaction with --video: an episode, and what its steps are worth.",
}
"""Picture → what it shows."""


class Group(NamedTuple):
    """Tags that stand together on TensorBoard."""

    prefix: str
    """What the tags begin with."""
    run: str
    """The run that they are shown under: a folder in the run's folder."""
    when: str
    """How often they are written."""
    meaning: str
    """What all of them are."""
    members: Mapping[str, str]
    """Rest of the tag → what it means."""


_LOG = "100 steps"
_EVALUATION = "`eval_interval`"
_VALIDATION = "`eval_loss_interval`"

MEAN = Group("AggregatedMetrics/", "eval", _EVALUATION, "Evaluation, mean over tasks.", METRICS)
VALIDATION_LOSSES = Group("Eval_Losses/", "train", _VALIDATION, "On validation data.", LOSSES)
TRAINING_LOSSES = Group("Losses/", "train", _LOG, "On the latest training batch.", LOSSES)
OF_TASK = Group("Metrics/", "eval/<environment>", _EVALUATION, "Evaluation of one task.", METRICS)
TRAINING = Group("Training/", "train", _LOG, "On the latest training batch.", INSIGHTS)
VALIDATION = Group("Validation/", "train", _VALIDATION, "On validation data.", INSIGHTS)

GROUPS = (
    MEAN,
    VALIDATION_LOSSES,
    TRAINING_LOSSES,
    OF_TASK,
    Group("RunTime/", "train", _LOG, "", {"train_steps_per_sec": "Training steps per second."}),
    TRAINING,
    VALIDATION,
    Group("", "train", _LOG, "", {REDUCED_LOSS: "The loss that is minimized, of any agent."}),
    Group(
        "",
        "train",
        "`train_action_mse_interval`",
        "",
        {
            ACTION_ERROR: "Mean squared error of inferred actions on the first training batch, in "
            "the environment's units.",
        },
    ),
    Group("", "train", "`logging.interval`, `evaluation.interval`", "", INTERACTION),
)
"""All scalars, in TensorBoard's order."""


def describe(tag: str) -> str:
    """Returns what a tag means; of a metric that its task alone knows, what its group means."""
    for group in GROUPS:
        name = tag.removeprefix(group.prefix)
        if tag.startswith(group.prefix) and name in group.members:
            return f"{group.members[name]} {group.meaning}".strip()
    return next((group.meaning for group in GROUPS if tag.startswith(group.prefix)), "")


def telling_first(metrics: Collection[str]) -> list[str]:
    """Returns metrics of an evaluation, those that tell most before the others."""
    first = [name for name in TELLING if name in metrics]
    return first + [name for name in metrics if name not in first]


def described(averages: Mapping[str, float]) -> str:
    """Returns an evaluation's metrics in one line, those that tell most first."""
    return ", ".join(f"{name} = {averages[name]}" for name in telling_first(averages))


def most_telling(metrics: Collection[str]) -> str:
    """Returns which metric of an evaluation comes first on TensorBoard."""
    return next(iter(telling_first(metrics)), RETURN)


def of_training(name: str) -> str:
    """Returns the tag of what an agent reports of a training step under a name."""
    return (TRAINING if name in INSIGHTS else TRAINING_LOSSES).prefix + name


def of_validation(name: str) -> str:
    """Returns the tag of what an agent reports of validation data under a name."""
    return (VALIDATION if name in INSIGHTS else VALIDATION_LOSSES).prefix + name


def tables() -> Iterator[str]:
    """Yields the lines of docs/tensorboard.md's tables, in Markdown."""
    yield from ("| tag | run | every | what |", "|---|---|---|---|")
    shared = {id(METRICS): "metric", id(LOSSES): "loss", id(INSIGHTS): "number"}
    shared[id(INTERACTION)] = "interaction"
    for group in GROUPS:
        kind = shared.get(id(group.members))
        members = {f"<{kind}>": f"{group.meaning} See below."} if kind else group.members
        for name, meaning in members.items():
            yield f"| `{group.prefix}{name}` | `{group.run}` | {group.when} | {meaning} |"
    for name, meaning in PICTURES.items():
        run, when = ("train", "end") if name == WORTH else (MEAN.run, _EVALUATION)
        yield f"| `{name}` | `{run}` | {when} | A picture. {meaning} |"
    yield f"| `{CONFIG}` | the run itself | start | A text. {ABOUT_CONFIG} |"
    for kind, members in (
        ("metric", METRICS),
        ("loss", LOSSES),
        ("number", INSIGHTS),
        ("interaction", INTERACTION),
    ):
        yield from ("", f"| `<{kind}>` | what |", "|---|---|")
        yield from (f"| `{name}` | {meaning} |" for name, meaning in members.items())
