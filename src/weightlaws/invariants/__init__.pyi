from .evaluation import evaluate as evaluate
from .graphs import Graph as Graph
from .graphs import enumerate_graphs as enumerate_graphs
