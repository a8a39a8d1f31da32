"""What a configuration asks for: checked, expanded, and planned as files."""
