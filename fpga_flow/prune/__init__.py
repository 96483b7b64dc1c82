"""Stage `prune`: masks (what is gone), criteria (what goes next), schedules (when, and when to stop)."""
