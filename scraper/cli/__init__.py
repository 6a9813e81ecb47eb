"""The commands of presskeep."""
