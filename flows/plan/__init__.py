"""What a round will cost, told before it begins: ``viper plan``.

setting       a profile whose models are folders of small files, so that the walk needs no weights and no hub
expectations  how long texts will be, and what the filter will keep
rehearsal     the walk of a round, by a runner that does nothing and counts what each step would do
duties        what one step would do, read off its inputs
memory        bytes of every step with models
rates         seconds and stored bytes of a unit of work: measured here, or estimated
measure       a small round, timed: ``viper plan --measure``
account       all of it together
preflight     does every phase fit the accelerators that are here?
"""
