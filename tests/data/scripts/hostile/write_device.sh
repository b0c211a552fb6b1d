# refused: destructive.device 2
cat image.raw > /dev/sda
