"""All contact with what FINN keeps to itself: its settings, its log, its registry of operators."""
