"""Programs around the pipeline, no part of it."""
