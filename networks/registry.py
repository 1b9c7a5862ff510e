"""Networks by the names that gin files give them, each registered beside its class."""

import difflib
import importlib
import pathlib
import pkgutil

from tf_agents.networks import network

_networks: dict[str, type[network.Network]] = {}


def register(network_class: type[network.Network]) -> type[network.Network]:
    """Makes a network class known by its own name; decorates the class.

    The class says by `head` which interface it has, and so which agents train it: 'energy'
    (`EnergyNetwork`), 'regression' (`RegressionNetwork`), 'mixture' (`MixtureNetwork`) or one that
    an agent brings along. It is made from the specs of an observation window and of the flat
    action; a network that is no `EnergyNetwork` also takes `act_denorm_layer`.

    Returns:
      The class.
    """
    _networks[network_class.__name__] = network_class
    return network_class


def networks() -> dict[str, type[network.Network]]:
    """Returns name → class of the networks in this folder, and of those registered elsewhere."""
    folder = pathlib.Path(__file__).parent
    for module in pkgutil.iter_modules([str(folder)]):
        if not module.name.endswith("_test"):
            importlib.import_module(f"{__package__}.{module.name}")
    return dict(sorted(_networks.items()))


def get(parameter: str, name: object) -> type[network.Network]:
    """Returns the network class that a gin parameter names.

    Args:
      parameter: The gin parameter, for messages.
      name: Its value.

    Raises:
      ValueError: There is no such network; the message lists what there is and names a near miss.
    """
    known = networks()
    if name not in known:
        near = difflib.get_close_matches(str(name), known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{parameter} is {name!r}; choose one of {', '.join(known)}.{hint}")
    return known[name]
