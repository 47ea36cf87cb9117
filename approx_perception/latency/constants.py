"""Constants that predictions of latency depend on; docs/scheduler.md says what each is worth."""

import math

# What contention does from one frame to the next.
#: Chance that contention is altogether different at the next frame.
JUMP = 0.02
#: Degrees of freedom of the t distribution of latencies: outliers happen.
FREEDOM = 4.0
#: Standard deviation of a load reading around that of its state.
LOAD_SCATTER = 0.2
#: What a reading can at most take from a state's weight: the same load slows one kind of work and
#: not another, so that readings hint at what latencies decide.
LOAD_FLOOR = 0.5

# How far off a model is, as standard deviations in log.
#: How far off all parts alike are: the profile was made beside other work, or elsewhere.
ALL_BIAS = 0.4
#: How far off a family of parts is.
FAMILY_BIAS = 0.25
#: How far off a part alone is: its own noise leaves out that no two minutes are the same.
OWN_BIAS = 0.1
#: How far a latency is from all that: noise, and contention that was not sensed yet.
NOISE = 0.25
#: Share of what was learned that is forgotten at each latency: machines and content change.
FORGETTING = 0.005

# How far latencies lie above typical ones.
#: Residuals that the quantile is taken of; the profile's stand in until as many frames came.
WINDOW = 100
#: Log ratio over which, beyond the largest residual, the share that is over falls to 1 / e.
DECAY = 0.2
#: Share of a new value that is taken, of a frame's overhead and of a batch.
SMOOTHING = 0.1

# What is told of quantiles alone: no choice depends on it.
#: Step of the online correction of a tail for each frame that is over.
TAIL_GAIN = 0.02
#: Where frames of the first kind are rare, all might be late; this share of them may be.
LATE_FIRST_FRAMES = 0.4
#: Share of the violations allowed that is left to frames of other kinds.
OTHER_FRAMES_SHARE = 0.2

# Grids: finer or wider ones decide the same.
#: States between two neighbouring levels of contention.
BETWEEN = 3
#: States of a machine whose contention was not measured.
GENERAL_SLOWDOWN = (1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0)
#: States beyond the worst level, to its own.
BEYOND = (1.25, 1.6, 2.1)

# Guards against nonsense.
#: A bias, and what one latency may teach, in log.
MOST_BIAS, MOST_RESIDUAL = math.log(8.0), 1.0
#: How far the online correction of a tail may lead, in log.
TAIL_LIMITS = (-0.4, 1.2)
#: A frame's overhead counts as at most twice what it was before, and so much more.
MOST_MORE_OVERHEAD_MS = 50.0
