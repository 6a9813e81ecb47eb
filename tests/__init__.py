"""The suite: each test a sentence about behaviour, through public doors."""
