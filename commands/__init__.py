"""Floor 7: the commands of the command line, a file per group. They parse, call the rooms below and say what to print."""
