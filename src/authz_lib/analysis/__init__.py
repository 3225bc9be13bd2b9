"""What would a change of policies open?  Verdicts and rows; `authz policies` prints them.

A tool for reviews and CI, never for a Lambda.  It needs the extras ``analysis`` (the solver cvc5)
and ``cedar``.
"""
