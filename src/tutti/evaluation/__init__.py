"""`tutti evaluate`: the suite for somebody who has nothing but files of samples. No training, no workflow."""
