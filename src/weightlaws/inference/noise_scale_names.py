"""What conditions of several learning rates and batch sizes have in common: names in tables."""

#: Numbers that may be all that counts, at equal epochs.
RATIO, ROOT = "rate / batch", "rate / sqrt(batch)"

#: The comparison at one time t of conditions whose noise scales differ.
SAME_TIME = "time"
