"""Constants that decisions depend on; docs/scheduler.md says what each is worth."""

# The price of lateness.
#: Share of the violations allowed that is aimed at; the rest is for steps of contention.
AIM = 0.85
#: Frames, or groups in scope ``gof``, that count: a minute of a camera of 15 Hz. Gambles are within
#: what the SLA allows over them.
MEMORY = 900
#: Step of the price's logarithm for a violation; a frame in time takes back its share of it.
PRICE_GAIN = 0.15

#: Frames in time, one after the other, after which a dearer branch is tried: what it costs is else
#: never known where predictions are too high.
EXPLORE = 100

# The choice.
#: A dearer branch is taken for a gain of so many standard deviations of what scenes left out
#: differed from what was predicted of them; the branch that runs stays likewise.
LIKELY = 0.25
#: The least gain for which a branch is left: smaller differences are noise.
LEAST_GAIN = 0.02

# Guards.
#: Branches that are expected to be late more often than this multiple of what the SLA allows are
#: not considered, however cheap lateness is: where none is left, the one late least often runs.
MOST_LATE = 10.0

# Parts that fail.
#: Failures with which parts are left out, and tries among which these are counted.
PATIENCE = (3, 6)
#: Frames for which parts are left out at first, and at most; each failed retry doubles them.
LEFT_OUT_FRAMES = (30, 3840)
