"""The stages, a file each: what each reads, and what it leaves behind."""
