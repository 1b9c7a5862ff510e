"""The samplers, under the name people know them by."""

from ibc.agents.autoregressive_dfo import autoregressive_dfo
from ibc.agents.dfo import iterative_dfo
from ibc.agents.draws import uniform_actions
from ibc.agents.langevin import ChainData, langevin_actions_given_obs
from ibc.agents.schedules import exponential, polynomial

__all__ = [
    "ChainData",
    "autoregressive_dfo",
    "exponential",
    "iterative_dfo",
    "langevin_actions_given_obs",
    "polynomial",
    "uniform_actions",
]
