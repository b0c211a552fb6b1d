# refused: stress.disk-fill 2
dd if=/dev/zero of=big.bin bs=1M
