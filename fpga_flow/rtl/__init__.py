"""From the hardware graph to RTL: FINN's generated wrappers, our modules, one stitched top."""
