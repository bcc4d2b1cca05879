from .analysis import analyse as analyse
