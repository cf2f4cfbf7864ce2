"""Your project: data sets, networks, tasks and callbacks. It imports from `leyden`, never the other way round."""
