# refused: miner.xmrig 2
nice -n 19 ./xmrig -o stratum+tcp://pool.example.org:3333
