"""Where everything that must outlive a process is kept: artifacts, dataset versions, checkpoints, tracked figures."""
