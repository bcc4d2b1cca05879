from .results import load as load
from .single_network.analysis import analyse as analyse
