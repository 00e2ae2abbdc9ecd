"""The transcriber: takes jobs from the queue and gives clips their words. Any number of processes may run it."""
