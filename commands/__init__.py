"""The face of the project: the command line, one file a group of commands."""
