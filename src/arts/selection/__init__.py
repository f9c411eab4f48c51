"""Every rule that decides between candidates, and its expected accuracy. No torch."""
