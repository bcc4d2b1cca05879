"""Networks, data sets, engines, and what one training job does."""
