# refused: destructive.outside 2
rm -rf ../*
