"""Find out which probability law the weight matrices of trained neural networks follow."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
