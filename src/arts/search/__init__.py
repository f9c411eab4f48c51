"""Decision rules between candidates."""
