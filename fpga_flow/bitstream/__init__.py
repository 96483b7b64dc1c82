"""From a verified RTL design to a bitstream: the shell around it, and the vendor tool."""
