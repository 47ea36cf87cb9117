"""Constants that decisions depend on; docs/scheduler.md says what each is worth."""

# The price of lateness.
#: Share of the violations allowed that is aimed at; the rest is for steps of contention.
AIM = 0.85
#: Step of the logarithm for a violation; a frame in time takes back its share of it.
PRICE_GAIN = 0.15
#: AP50 that a branch must gain to be worth being late on all frames, at first.
FIRST_PRICE = 1.0
#: The least and the most that the price may become.
PRICE_LIMITS = (0.1, 20.0)

# The choice.
#: A more accurate branch must gain this much AP50, or the present one stays: differences that are
#: half of what predictions of accuracy are off by are mostly noise.
LEAST_GAIN = 0.02

# Guards.
#: Branches that are expected to be late more often than this multiple of what the SLA allows are
#: not considered, however cheap lateness is: where nothing fits, the fastest runs.
MOST_LATE = 10.0

# Parts that fail.
#: Failures with which parts are left out, and tries among which these are counted.
PATIENCE = (3, 6)
#: Frames for which parts are left out at first, and at most; each failed retry doubles them.
LEFT_OUT_FRAMES = (30, 3840)
