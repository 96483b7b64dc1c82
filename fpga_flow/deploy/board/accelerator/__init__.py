"""The accelerator on this board: `accelerator.driver.Accelerator`, or `python3 -m accelerator --test`."""
