"""Witness checks: whether the Markdown that a model wrote says what its page says.

``evidence_of`` takes a page's own reading as the witness, ``judge`` compares an answer with it. All of it is pure. The
tokens of both sides are paired one to one whatever their order (``alignment``); every check looks at what is left
unpaired (``content``), at where pairs stand (``tables``) or at the answer alone (``form``).
"""

from llamaparse_worker.mode.witness.evidence import Evidence, Source, evidence_of
from llamaparse_worker.mode.witness.finding import Check, Finding, Severity
from llamaparse_worker.mode.witness.judge import Judgement, judge, upheld

__all__ = ["Check", "Evidence", "Finding", "Judgement", "Severity", "Source", "evidence_of", "judge", "upheld"]
