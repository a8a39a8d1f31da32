"""What a trained force field has learnt: its embedding, its filters, and what a probe atom feels."""
