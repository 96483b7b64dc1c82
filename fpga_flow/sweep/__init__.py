"""Many builds as one: the grid of a sweep's points, their runs, one table and its plots."""
