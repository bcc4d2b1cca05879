from .bipartite import Bipartite as Bipartite
from .iid import IID as IID
from .interacting import Interacting as Interacting
from .one_sided import OneSided as OneSided
from .pigmm import PIGMM as PIGMM
from .scores import hyvarinen_score as hyvarinen_score
