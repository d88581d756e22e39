"""What billing does: each function one use case within one transaction."""
