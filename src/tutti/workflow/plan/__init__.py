"""What a run consists of: every decision of the workflow that is more than a rule, typed and tested.

`Plan` is all that the rules ask.
"""

from tutti.workflow.plan.plan import Plan

__all__ = ["Plan"]
