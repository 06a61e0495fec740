"""How sure a share is: the one interval that pages, evidence and hints show."""

from __future__ import annotations


def wilson(k: int, n: int) -> tuple[float, float]:
    """Lower and upper end of the 95 % Wilson interval of k out of n, each from 0 to 1.

    Raises ValueError unless 0 <= k <= n and 0 < n. Source: E. B. Wilson, JASA 22 (1927), 209-212.
    """
    # Seventy megabytes that only reports need: not in every worker.
    from scipy.stats import binomtest

    found = binomtest(k, n).proportion_ci(method="wilson")
    return float(found.low), float(found.high)
