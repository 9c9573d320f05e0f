"""Where and how a Flow runs: the resumable local runner, status and folders."""
