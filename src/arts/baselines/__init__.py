"""What a verifier is compared with: reinforcement learning of the proposer itself."""
