from tutti.evaluation.interface import evaluate as evaluate
from tutti.evaluation.interface import judge as judge
from tutti.evaluation.result import Evaluation as Evaluation
from tutti.models.forcefields.calculator import Calculator as Calculator
from tutti.models.generators.interface import sample as sample

__version__: str
