# refused: destructive.home 3
cp results.txt keep.txt
rm -rf ~/*
