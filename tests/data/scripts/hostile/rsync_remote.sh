# refused: network.rsync 2
rsync -a results/ me@example.org:/data/
