from .results import load as load
