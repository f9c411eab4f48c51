"""What an answer says: one typography, exact numbers, units, lists and intervals, and when two answers are equal."""
