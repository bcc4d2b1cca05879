from .bipartite import Bipartite as Bipartite
from .iid import IID as IID
from .one_sided import OneSided as OneSided
from .pigmm import PIGMM as PIGMM
