"""What every part of the program stands on: errors, messages, files, tools, the recipe, what a stage is.

Nothing here decides what an artifact holds but by values that its digest has (the recipe's, the tools'
versions), so no stage's digest covers this room's code.
"""
