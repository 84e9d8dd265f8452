"""Two parties to try things with, and documents that can be captured again and again."""
